/** "Do not call" as agents ask for it: for some seconds it can be taken back, and whatever happens meanwhile it is not lost.
 *
 * Each request is written down before its time runs, without the customer's name, and struck out once the service has
 * answered or it was taken back. What a reload, a lost network or the end of the session left written down is carried
 * out when the state was next read: the service takes it also when the contact is long gone from the screen, and again
 * changes nothing. No page and no network here: both are given.
 */

export type About = { offer: string } | { call: string };

/** `until`: when it is carried out, ms by the service's clock; 0 where that was tried already. */
export interface Written {
  about: About;
  until: number;
}

/** What became of it: done; kept, because the service did not answer; or refused for good. */
export type Fate = "done" | "kept" | { code: string };

export interface Surroundings {
  /** Carry it out; `last`: the page is about to go. */
  send(about: About, last: boolean): Promise<Fate>;
  read(): Written[];
  write(all: Written[]): void;
  /** Tell what became of one; the name is "" after a reload. */
  tell(fate: Fate, name: string): void;
  /** The service's clock, ms. */
  now(): number;
}

export interface Waiting extends Written {
  name: string;
}

/** ms in which it can be taken back: the list is for all campaigns, and only an administrator takes a number off it. */
const TAKE_BACK = 5_000;

/** An offer closes by itself; it must be done before that. */
const MARGIN = 1_000;

/** ms that another tab has longer, whose request this may be. */
const OTHER_TAB = 3_000;

/** ms until the service is asked again that did not answer, where nothing tells sooner that it is back. */
const AGAIN = 10_000;

export const same = (one: About, other: About): boolean => JSON.stringify(one) === JSON.stringify(other);

export class Requests {
  #waiting: Waiting | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #later: ReturnType<typeof setTimeout> | undefined;
  readonly #sending = new Map<string, Promise<Fate>>();
  readonly #around: Surroundings;
  readonly #show: (waiting: Waiting | null) => void;

  /** `show` is called with the one that can be taken back, whenever that changes. */
  constructor(around: Surroundings, show: (waiting: Waiting | null) => void) {
    this.#around = around;
    this.#show = show;
  }

  /** Ask for it; `ends`: when the offer it is about closes by itself. */
  begin(about: About, name: string, ends: number | null): void {
    void this.carryOut();
    const now = this.#around.now();
    const left = ends === null ? TAKE_BACK : ends - now - MARGIN;
    const wait = Math.max(0, Math.min(TAKE_BACK, left));
    this.#wait({ about, name, until: now + wait });
    this.#note(about, now + wait);
    this.#timer = setTimeout(() => void this.carryOut(), wait);
  }

  takeBack(): void {
    if (this.#waiting) this.#strike(this.#waiting.about);
    this.#wait(null);
  }

  /** Do not wait any longer with the one that can be taken back; whether nothing is left to do. */
  async carryOut(last = false): Promise<boolean> {
    const one = this.#waiting;
    if (!one) return true;
    this.#wait(null);
    if (last) this.#note(one.about, 0);
    return (await this.#send(one.about, one.name, last)) !== "kept";
  }

  /** Carry out what was left behind, what another tab may still take back a little later; `all`: that too, at once. */
  async resume(all = false): Promise<boolean> {
    clearTimeout(this.#later);
    const waiting = this.#waiting;
    const others = this.#around.read().filter((one) => !waiting || !same(one.about, waiting.about));
    const now = this.#around.now();
    const due = others.filter((one) => all || one.until === 0 || one.until + OTHER_TAB <= now);
    const next = Math.min(...others.filter((one) => !due.includes(one)).map((one) => one.until + OTHER_TAB));
    if (Number.isFinite(next)) this.#resumeIn(next - now);
    const fates = await Promise.all(due.map((one) => this.#send(one.about, "")));
    return fates.every((fate) => fate !== "kept");
  }

  /** The session is over: what is not done is done in this user's next one. */
  pause(): void {
    clearTimeout(this.#later);
    this.#wait(null);
  }

  #wait(waiting: Waiting | null): void {
    clearTimeout(this.#timer);
    this.#waiting = waiting;
    this.#show(waiting);
  }

  #resumeIn(ms: number): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => void this.resume(), ms);
  }

  #send(about: About, name: string, last = false): Promise<Fate> {
    const key = JSON.stringify(about);
    const sent = this.#sending.get(key) ?? this.#around.send(about, last).finally(() => this.#sending.delete(key));
    if (this.#sending.has(key)) return sent;
    this.#sending.set(key, sent);
    return sent.then((fate) => {
      if (fate === "kept") {
        this.#note(about, 0);
        this.#resumeIn(AGAIN);
      } else this.#strike(about);
      this.#around.tell(fate, name);
      return fate;
    });
  }

  #note(about: About, until: number): void {
    this.#around.write([...this.#others(about), { about, until }]);
  }

  #strike(about: About): void {
    this.#around.write(this.#others(about));
  }

  #others(about: About): Written[] {
    return this.#around.read().filter((one) => !same(one.about, about));
  }
}
