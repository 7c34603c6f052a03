/** Shortcuts: Alt with a letter presses the button that carries it (`data-key`). */

export function listen(): void {
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    const open = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
    const button = open.querySelector<HTMLButtonElement>(`button[data-key="${event.code}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  });
}
