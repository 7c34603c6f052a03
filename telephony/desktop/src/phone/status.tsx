/** The phone in the line on top. */

import { agent } from "../store.ts";
import { Icon } from "../ui/icon.tsx";

export function PhoneStatus() {
  const phone = agent.value?.phone;
  return phone ? (
    <span class="line" data-testid="phone">
      <Icon name="phone" />
      <span>{phone}</span>
    </span>
  ) : null;
}
