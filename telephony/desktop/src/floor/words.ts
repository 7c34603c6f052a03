/** The floor's texts in the language shown; they come with the floor's part of the page. */

import { computed } from "@preact/signals";
import { language } from "../language.ts";
import { type FloorTexts, floorEn } from "../texts/floor.en.ts";
import { floorEs } from "../texts/floor.es.ts";

const TABLES: Record<"en" | "es", FloorTexts> = { en: floorEn, es: floorEs };

export const words = computed(() => TABLES[language.value]);
