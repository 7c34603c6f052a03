/** A campaign's recorded messages, and its lists. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { address, api, type Schemas, upload } from "../api.ts";
import { decimal, moment } from "../format.ts";
import { fill } from "../language.ts";
import { act } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Confirm } from "./confirm.tsx";
import { administers, all, type Campaign, readCampaigns, told } from "./data.ts";
import { words } from "./words.ts";

type Message = Schemas["Message"];
type List = Schemas["ContactList"];

const TYPES: Record<string, string> = { wav: "audio/wav", mp3: "audio/mpeg", ogg: "audio/ogg", oga: "audio/ogg" };

export function MessagesView({ campaign }: { campaign: Campaign }) {
  const w = words.value.messages;
  return (
    <div class="column">
      <section class="panel column">
        <h2>{w.head}</h2>
        <div class="fields">
          <OneMessage
            campaign={campaign}
            use="voicemail-message"
            label={w.voicemail}
            hint={w.voicemailHint}
            message={campaign.voicemail_message}
          />
          <OneMessage
            campaign={campaign}
            use="abandon-message"
            label={w.abandon}
            hint={w.abandonHint}
            message={campaign.abandon_message}
          />
        </div>
      </section>
      <Lists campaign={campaign} />
    </div>
  );
}

interface MessageProps {
  campaign: Campaign;
  use: "voicemail-message" | "abandon-message";
  label: string;
  hint: string;
  message: Message | null;
}

function OneMessage({ campaign, use, label, hint, message }: MessageProps) {
  const w = words.value.messages;
  const asking = useSignal(false);
  const path = `/campaigns/${campaign.id}/${use}`;
  const put = (file: File | undefined) => {
    if (!file) return;
    const type = TYPES[file.name.split(".").at(-1)?.toLowerCase() ?? ""] ?? file.type;
    void act(`${use} ${campaign.id}`, async () => {
      await upload("PUT", `${path}?name=${encodeURIComponent(file.name.slice(0, 200))}`, type, file);
      await readCampaigns();
    });
  };
  return (
    <div class="field" role="group" aria-label={label} data-testid={use}>
      <b class="legend">{label}</b>
      <small>{hint}</small>
      {message ? (
        <>
          <p>
            <b dir="auto">{message.name}</b> <small>{fill(w.seconds, { s: decimal(message.seconds) })}</small>
          </p>
          {/* biome-ignore lint/a11y/useMediaCaption: a spoken message has no captions */}
          <audio
            controls
            preload="none"
            aria-label={`${w.play}: ${label}`}
            src={`${address(path)}#${message.sha256}`}
          />
        </>
      ) : (
        <p class="muted">{w.none}</p>
      )}
      {administers.value && (
        <div class="row start">
          <label class="button">
            <Icon name="upload" />
            <span class="label">{message ? w.replace : w.upload}</span>
            <small>{w.kinds}</small>
            <input
              type="file"
              class="unseen"
              accept=".wav,.mp3,.ogg,.oga,audio/*"
              data-testid={`${use}-file`}
              onChange={(event) => {
                put(event.currentTarget.files?.[0]);
                event.currentTarget.value = "";
              }}
            />
          </label>
          {message && (
            <Button
              icon="remove"
              label={words.value.remove}
              testid={`${use}-remove`}
              onPress={() => {
                asking.value = true;
              }}
            />
          )}
        </div>
      )}
      {asking.value && (
        <Confirm
          head={w.removeHead}
          text={use === "voicemail-message" ? w.removeText : ""}
          label={words.value.remove}
          onYes={() =>
            void act(`${use} ${campaign.id}`, async () => {
              await api("DELETE", path);
              await readCampaigns();
            })
          }
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </div>
  );
}

function Lists({ campaign }: { campaign: Campaign }) {
  const w = words.value.messages;
  const rows = useSignal<List[] | null>(null);
  useEffect(() => {
    all<List>(`/lists?campaign=${campaign.id}`)
      .then((found) => {
        rows.value = found;
      })
      .catch(told);
  }, [campaign.id]);
  const change = (list: List, body: Partial<List>) =>
    act(`list ${list.id}`, async () => {
      const after = await api<List>("PATCH", `/lists/${list.id}`, body);
      rows.value = rows.peek()?.map((one) => (one.id === after.id ? after : one)) ?? null;
    });
  return (
    <section class="panel column">
      <h2>{w.lists}</h2>
      {rows.value?.length === 0 && <p class="muted">{w.noLists}</p>}
      {rows.value && rows.value.length > 0 && (
        <div class="table-box" tabIndex={0} role="region" aria-label={w.lists}>
          <table class="grid">
            <thead>
              <tr>
                <th scope="col">{w.list}</th>
                <th scope="col">{w.active}</th>
                <th scope="col">{w.listPriority}</th>
                <th scope="col">{w.expires}</th>
                <th scope="col">{w.version}</th>
                <th scope="col">{w.created}</th>
              </tr>
            </thead>
            <tbody>
              {rows.value.map((one) => (
                <tr key={one.id} data-testid="list" data-list={one.id} data-active={one.active}>
                  <th scope="row" data-label={w.list} dir="auto">
                    {one.name}
                  </th>
                  <td data-label={w.active}>
                    <input
                      type="checkbox"
                      aria-label={`${w.active}: ${one.name}`}
                      checked={one.active}
                      disabled={!administers.value}
                      data-testid="list-active"
                      onChange={(event) => void change(one, { active: event.currentTarget.checked })}
                    />
                  </td>
                  <td data-label={w.listPriority}>
                    <input
                      type="number"
                      class="short"
                      min={1}
                      max={100}
                      aria-label={`${w.listPriority}: ${one.name}`}
                      value={one.priority}
                      disabled={!administers.value}
                      onChange={(event) => void change(one, { priority: event.currentTarget.valueAsNumber })}
                    />
                  </td>
                  <td data-label={w.expires}>{one.expires_at ? moment(one.expires_at) : w.expiresNever}</td>
                  <td data-label={w.version}>{one.version}</td>
                  <td data-label={w.created}>{moment(one.created_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
