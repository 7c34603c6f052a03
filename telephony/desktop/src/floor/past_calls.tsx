/** Calls that were, with their recordings. */

import { useSignal } from "@preact/signals";
import { address, api, type Schemas } from "../api.ts";
import { sentence } from "../codes.ts";
import { moment, span } from "../format.ts";
import { named, resultLabel } from "../language.ts";
import { Button } from "../ui/button.tsx";
import { agents, campaigns, told } from "./data.ts";
import { PagedTable, usePages } from "./pages.tsx";
import { words } from "./words.ts";

type Past = Schemas["Call"];

export function PastCalls() {
  const w = words.value.calls;
  const campaign = useSignal("");
  const agent = useSignal("");
  const outcome = useSignal("");
  const query = new URLSearchParams({ state: "ended" });
  if (campaign.value) query.set("campaign", campaign.value);
  if (agent.value) query.set("agent", agent.value);
  if (outcome.value) query.set("outcome", outcome.value);
  const pages = usePages<Past>(`/calls?${query}`);
  return (
    <>
      <div class="tools head-tools">
        <h2>{w.past}</h2>
        <select
          aria-label={w.campaign}
          data-testid="past-campaign"
          value={campaign.value}
          onChange={(event) => {
            campaign.value = event.currentTarget.value;
          }}
        >
          <option value="">{w.everyCampaign}</option>
          {campaigns.value?.map((one) => (
            <option value={one.id} key={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <select
          aria-label={w.agent}
          data-testid="past-agent"
          value={agent.value}
          onChange={(event) => {
            agent.value = event.currentTarget.value;
          }}
        >
          <option value="">{w.everyAgent}</option>
          {agents.value.map((one) => (
            <option value={one.id} key={one.id}>
              {one.name}
            </option>
          ))}
        </select>
        <select
          aria-label={w.outcome}
          data-testid="past-outcome"
          value={outcome.value}
          onChange={(event) => {
            outcome.value = event.currentTarget.value;
          }}
        >
          <option value="">{w.everyOutcome}</option>
          {OUTCOMES.map((one) => (
            <option value={one} key={one}>
              {sentence(one)}
            </option>
          ))}
        </select>
        <a class="button" href={address(`/calls.csv?${query}`)} download>
          {w.csv}
        </a>
      </div>
      <PagedTable
        pages={pages}
        label={w.past}
        columns={[w.at, w.customer, w.agent, w.outcome, w.talked, w.result, w.recording].map((name) => ({ name }))}
        empty={w.pastNone}
        row={(one) => <PastRow call={one} key={one.id} />}
      />
    </>
  );
}

function PastRow({ call }: { call: Past }) {
  const w = words.value.calls;
  const talked = call.joined_at && call.ended_at ? Date.parse(call.ended_at) - Date.parse(call.joined_at) : null;
  return (
    <tr data-testid="past-call" data-call={call.id} data-outcome={call.outcome ?? ""}>
      <td data-label={w.at}>{moment(call.granted_at)}</td>
      <th scope="row" data-label={w.customer}>
        <span class="two">
          <b dir="auto">{call.name}</b>
          <small class="digits">{call.e164}</small>
        </span>
      </th>
      <td data-label={w.agent} dir="auto">
        {call.agent.name}
      </td>
      <td data-label={w.outcome}>{sentence(call.outcome)}</td>
      <td data-label={w.talked} class="digits">
        {talked === null ? "" : span(talked)}
      </td>
      <td data-label={w.result}>
        <span class="two">
          <span dir="auto">{resultOf(call)}</span>
          {call.note && (
            <small dir="auto" class="clamp">
              {call.note}
            </small>
          )}
        </span>
      </td>
      <td data-label={w.recording}>{call.recording && <Recordings call={call} />}</td>
    </tr>
  );
}

/** The result as its campaign calls it; its code where the campaign has it no more. */
function resultOf({ campaign, disposition }: Past): string {
  const settings = campaigns.value?.find((one) => one.id === campaign?.id)?.settings;
  const found = settings?.dispositions.find((one) => one.code === disposition);
  return found ? resultLabel(found) : (disposition ?? "");
}

function Recordings({ call }: { call: Past }) {
  const w = words.value.calls;
  const found = useSignal<Schemas["telephony__web__answers__Recording"][] | null>(null);
  if (call.recording !== "kept") return <>{named(w.recordingStates, call.recording)}</>;
  if (!found.value)
    return (
      <Button
        icon="play"
        label={w.listenTo}
        testid="recordings"
        onPress={() =>
          void api<Schemas["telephony__web__answers__Recording"][]>("GET", `/calls/${call.id}/recordings`)
            .then((list) => {
              found.value = list.filter((one) => one.state === "kept");
            })
            .catch(told)
        }
      />
    );
  if (found.value.length === 0) return <>{w.recordingGone}</>;
  return (
    <>
      {found.value.map((one) => (
        // biome-ignore lint/a11y/useMediaCaption: a recorded telephone call has no captions
        <audio key={one.id} controls preload="none" src={address(`/recordings/${one.id}`)} data-testid="recording" />
      ))}
    </>
  );
}

const OUTCOMES: Schemas["Outcome"][] = [
  "TALKED",
  "VOICEMAIL_LEFT",
  "MESSAGE_DROPPED",
  "MESSAGE_NOT_LEFT",
  "MACHINE_HUNG_UP",
  "CUSTOMER_BUSY",
  "NO_ANSWER_CUSTOMER",
  "CUSTOMER_UNAVAILABLE",
  "INVALID_NUMBER",
  "CUSTOMER_DECLINED",
  "CUSTOMER_LEFT",
  "FAX",
  "AGENT_CANCELLED",
  "AGENT_ENDED",
  "ABANDONED",
  "NOT_PLACED",
  "CHANNEL_FAILURE",
  "PBX_LOST",
  "SYSTEM_ERROR",
];
