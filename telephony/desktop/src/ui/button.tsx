/** Buttons: with icon, hint and shortcut; off with a reason; deaf to the second half of a double click. */

import { useId, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";

/** ms between the clicks of a double click: the second one must not hit what the first one brought up in its place. */
const DOUBLE = 400;

/** Pixels between the clicks of a double click; presses by keyboard have no place and count as one. */
const NEAR = 24;

const last = { at: -Infinity, x: 0, y: 0 };

/** Whether a click belongs to the one before it. */
function repeats({ clientX, clientY }: MouseEvent, now: number): boolean {
  const second = now - last.at < DOUBLE && Math.hypot(clientX - last.x, clientY - last.y) < NEAR;
  Object.assign(last, { at: now, x: clientX, y: clientY });
  return second;
}

interface ButtonProps {
  icon?: IconName;
  label: string;
  hint?: string;
  /** KeyboardEvent.code pressed together with Alt, see keys.ts. */
  shortcut?: string;
  kind?: "main" | "end" | "stop" | "plain";
  /** Why it cannot be pressed now; the button stays readable by keyboard and screen reader. */
  off?: string | boolean;
  pressed?: boolean;
  expanded?: boolean;
  /** Only the icon is shown, the label is its name. */
  compact?: boolean;
  submit?: boolean;
  testid: string;
  /** What the button stands for, for tests and scripts. */
  value?: string;
  onPress?: () => void;
}

export function Button(props: ButtonProps) {
  const { icon, label, hint, shortcut, kind, off, pressed, expanded, compact, submit, testid, value, onPress } = props;
  const appeared = useRef(performance.now());
  const reason = useId();
  const why = typeof off === "string" ? off : "";
  const note = why || hint;
  const press = (event: MouseEvent) => {
    const now = performance.now();
    const second = repeats(event, now) && now - appeared.current < DOUBLE;
    if (off || second) event.preventDefault();
    else onPress?.();
  };
  return (
    <button
      type={submit ? "submit" : "button"}
      class={`button ${kind ?? ""} ${compact ? "compact" : ""}`}
      data-testid={testid}
      data-value={value}
      data-key={shortcut}
      aria-disabled={off ? "true" : undefined}
      aria-pressed={pressed}
      aria-expanded={expanded}
      aria-label={compact ? label : undefined}
      aria-describedby={note && !compact ? reason : undefined}
      aria-keyshortcuts={shortcut ? `Alt+${shortcut.replace("Key", "")}` : undefined}
      title={compact ? (why ? `${label}: ${why}` : label) : undefined}
      onClick={press}
    >
      {icon && <Icon name={icon} />}
      {!compact && <span class="label">{label}</span>}
      {!compact && shortcut && <kbd aria-hidden="true">Alt {shortcut.replace("Key", "")}</kbd>}
      {!compact && note && (
        <small class="note" id={reason}>
          {note}
        </small>
      )}
    </button>
  );
}
