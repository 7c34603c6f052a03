/** The supervisor's page. */

import { texts } from "../language.ts";

export function FloorPage() {
  return (
    <main class="single" data-testid="floor">
      <p class="panel">{texts.value.noDesk}</p>
    </main>
  );
}
