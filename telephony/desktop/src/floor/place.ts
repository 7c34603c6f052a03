/** What part of the floor is looked at; it stands in the address, so that a reload and "back" find it again. */

import { signal } from "@preact/signals";

export const PARTS = ["agents", "campaigns", "calls", "limits", "people"] as const;
export type Part = (typeof PARTS)[number];

/** Parts of one campaign. */
export const VIEWS = ["progress", "contacts", "import", "settings", "messages"] as const;
export type View = (typeof VIEWS)[number];

export interface Place {
  part: Part;
  campaign: string;
  view: View;
}

/** "#campaigns/ID/settings" as a place; what is not known is the first of its kind. */
export function read(hash: string): Place {
  const [part, campaign, view] = hash.replace(/^#/, "").split("/");
  return {
    part: PARTS.find((one) => one === part) ?? "agents",
    campaign: campaign ?? "",
    view: VIEWS.find((one) => one === view) ?? "progress",
  };
}

export const link = (part: Part, campaign = "", view = ""): string =>
  `#${[part, campaign, view].filter(Boolean).join("/")}`;

export const place = signal<Place>(read(typeof location === "undefined" ? "" : location.hash));

if (typeof addEventListener !== "undefined") {
  addEventListener("hashchange", () => {
    if (location.hash !== "#desk") place.value = read(location.hash);
  });
}
