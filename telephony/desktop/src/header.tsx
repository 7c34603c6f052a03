/** The line on top of every page: who I am, the connection, and the settings of the page itself. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { StateSwitch } from "./agent/state.tsx";
import { tab } from "./app.tsx";
import { choose as chooseLanguage, LANGUAGES, language, texts } from "./language.ts";
import { online } from "./live.ts";
import { PhoneBand } from "./phone/band.tsx";
import { PhoneStatus } from "./phone/status.tsx";
import { agent, desk, placed, session, signOut, tellLanguage, user } from "./store.ts";
import { choose as chooseTheme, THEMES, theme } from "./theme.ts";
import { Button } from "./ui/button.tsx";
import { Icon } from "./ui/icon.tsx";

export function Header() {
  const t = texts.value;
  const me = user.value;
  const state = agent.value?.state;
  useEffect(() => {
    document.title = state ? `${t.state[state]} · ${t.title}` : t.title;
  }, [state, t]);
  return (
    <>
      <header class="top">
        <span class="brand">
          <Icon name="phone" />
          <span>{t.title}</span>
        </span>
        {me && agent.value && <StateSwitch />}
        {me && agent.value && me.role !== "agent" && <Tabs />}
        <span class="apart" />
        {me && agent.value && <PhoneStatus />}
        {me && <Line />}
        {me && (
          <span class="who" dir="auto">
            {me.name}
          </span>
        )}
        <Language />
        <Theme />
        {me && (
          <Button
            icon="out"
            compact
            kind="plain"
            label={t.signIn.out}
            testid="sign-out"
            onPress={() => void signOut()}
          />
        )}
      </header>
      {session.value === "in" && placed.value && !online.value && <Lost />}
      {desk.value && !desk.value.pbx && (
        <p class="band bad" role="alert" data-testid="pbx-lost">
          {t.pbxLost}
        </p>
      )}
      <PhoneBand />
    </>
  );
}

function Tabs() {
  const t = texts.value;
  return (
    <nav class="tabs">
      {(["floor", "desk"] as const).map((one) => (
        <a
          href={`#${one}`}
          key={one}
          aria-current={tab.value === one ? "page" : undefined}
          data-testid={`tab-${one}`}
          onClick={() => {
            tab.value = one;
          }}
        >
          {t.tabs[one]}
        </a>
      ))}
    </nav>
  );
}

function Line() {
  const t = texts.value;
  const up = online.value;
  return (
    <span class={up ? "line up" : "line down"} data-testid="link" data-link={up ? "up" : "down"}>
      <Icon name={up ? "check" : "warning"} />
      <span>{up ? t.online : t.offline}</span>
    </span>
  );
}

/** Told only when it lasts: a feed that comes back at once is nobody's business. */
function Lost() {
  const lasts = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      lasts.value = true;
    }, 1_500);
    return () => clearTimeout(timer);
  }, []);
  return lasts.value ? (
    <p class="band bad" role="alert" data-testid="connection-lost">
      {texts.value.offlineLong}
    </p>
  ) : null;
}

function Language() {
  const t = texts.value;
  return (
    <label class="language">
      <Icon name="globe" />
      <span class="unseen">{t.language.label}</span>
      <select
        data-testid="language"
        value={language.value}
        onChange={(event) => {
          chooseLanguage(event.currentTarget.value as (typeof LANGUAGES)[number]);
          tellLanguage();
        }}
      >
        {LANGUAGES.map((one) => (
          <option value={one} key={one} lang={one}>
            {t.language[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

function Theme() {
  const t = texts.value;
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
  return (
    <Button
      icon={theme.value === "dark" ? "moon" : theme.value === "light" ? "sun" : "contrast"}
      compact
      kind="plain"
      label={`${t.theme.label}: ${t.theme[theme.value]}`}
      testid="theme"
      value={theme.value}
      onPress={() => chooseTheme(next)}
    />
  );
}
