/** Which page is shown to whom. */

import { signal } from "@preact/signals";
import { AgentPage } from "./agent/page.tsx";
import { Header } from "./header.tsx";
import { texts } from "./language.ts";
import { SignIn } from "./signin.tsx";
import { desk, session } from "./store.ts";
import { Announcer } from "./ui/announce.tsx";
import { lazy } from "./ui/lazy.tsx";

const Floor = lazy(() => import("./floor/page.tsx").then((part) => part.FloorPage));

export type Tab = "floor" | "desk";

/** What a user with both looks at. */
export const tab = signal<Tab>(location.hash === "#desk" ? "desk" : "floor");

export function App() {
  return (
    <>
      <Announcer />
      <Header />
      <Page />
    </>
  );
}

function Page() {
  if (session.value === "asking") return <main aria-busy="true" />;
  const me = desk.value?.me;
  if (session.value === "out" || !me) return <SignIn />;
  if (me.user.role === "agent") return me.agent ? <AgentPage /> : <NoDesk />;
  return me.agent && tab.value === "desk" ? <AgentPage /> : <Floor />;
}

function NoDesk() {
  return (
    <main class="single">
      <p class="panel">{texts.value.noDesk}</p>
    </main>
  );
}
