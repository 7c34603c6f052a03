/** Both languages are complete and say the same. What is missing altogether does not compile. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, fill, named, preferred, resultLabel } from "../../telephony/desktop/src/language.ts";
import { en } from "../../telephony/desktop/src/texts/en.ts";
import { es } from "../../telephony/desktop/src/texts/es.ts";
import { floorEn } from "../../telephony/desktop/src/texts/floor.en.ts";
import { floorEs } from "../../telephony/desktop/src/texts/floor.es.ts";

/** Texts that are rightly the same in both, by their keys. */
const SAME = new Set([
  ...["language.en", "language.es", "card.status.fax", "verdict.FAX", "card.status.open", "card.no", "floor.no"],
  ...["floor.contacts.numberStatus.open", "floor.contacts.numberStatus.fax", "floor.people.roles.supervisor"],
  ...["floor.settings.units.milliseconds", "floor.settings.units.level"],
]);

function* leaves(table: object, path = ""): Generator<[string, string]> {
  for (const [key, value] of Object.entries(table)) {
    if (typeof value === "string") yield [path + key, value];
    else yield* leaves(value, `${path}${key}.`);
  }
}

const english = new Map(leaves({ ...en, floor: floorEn }));
const spanish = new Map(leaves({ ...es, floor: floorEs }));
const places = (text: string) => [...text.matchAll(/{\w+}/g)].map(String).sort();

test("both have the same texts, none empty", () => {
  assert.deepEqual([...spanish.keys()].sort(), [...english.keys()].sort());
  for (const [key, text] of [...english, ...spanish]) assert.ok(text.trim() || SAME.has(key), key);
});

test("both fill in the same values", () => {
  for (const [key, text] of english) assert.deepEqual(places(spanish.get(key) ?? ""), places(text), key);
});

test("nothing was left untranslated", () => {
  for (const [key, text] of english) if (!SAME.has(key)) assert.notEqual(spanish.get(key), text, key);
});

test("the browser's first language that we speak is chosen", () => {
  assert.equal(preferred(["de-AT", "es-MX", "en-US"]), "es");
  assert.equal(preferred(["en-GB", "es"]), "en");
  assert.equal(preferred(["fr"]), "en");
  assert.equal(preferred([]), "en");
});

test("values stand where they belong, and unknown keys are readable", () => {
  assert.equal(fill("{used} of {limit}", { used: 1, limit: 2 }), "1 of 2");
  assert.equal(named(en.idle, "lunch"), "Lunch");
  assert.equal(named(en.idle, "something_new"), "something new");
  assert.equal(named(en.idle, null), "");
});

test("a result has the page's words while it is the product's own, and its label once that was changed", () => {
  choose("es");
  assert.equal(resultLabel({ code: "wrong_person", label: "Wrong person" }), "Persona equivocada");
  assert.equal(resultLabel({ code: "wrong_person", label: "Not Mr Smith" }), "Not Mr Smith");
  assert.equal(resultLabel({ code: "sale", label: "Wrong person" }), "Wrong person");
  choose("en");
  assert.equal(resultLabel({ code: "wrong_person", label: "Wrong person" }), "Wrong person");
});
