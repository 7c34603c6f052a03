/** Bars with their figures beside them; every figure is text, so the drawing is only for the eye. */

import { whole } from "../format.ts";

export interface Bar {
  key: string;
  label: string;
  n: number;
  /** A part of it that is drawn darker. */
  part?: number;
}

export function Bars({ bars, heads }: { bars: Bar[]; heads: string[] }) {
  const most = Math.max(1, ...bars.map((one) => one.n));
  const [label, all, part] = heads;
  return (
    <table class="bars">
      <thead class={part ? "" : "unseen"}>
        <tr>
          <th scope="col">{label}</th>
          <th aria-hidden="true" />
          <th scope="col" class="figure">
            {all}
          </th>
          {part && (
            <th scope="col" class="figure">
              {part}
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {bars.map((one) => (
          <tr key={one.key} data-testid="bar" data-value={one.key} data-n={one.n}>
            <th scope="row">{one.label}</th>
            <td aria-hidden="true" class="drawn">
              <svg aria-hidden="true" viewBox="0 0 100 8" preserveAspectRatio="none">
                <rect class="all" width={(one.n / most) * 100} height="8" />
                {one.part !== undefined && <rect class="part" width={(one.part / most) * 100} height="8" />}
              </svg>
            </td>
            <td class="figure">{whole(one.n)}</td>
            {part && <td class="figure">{whole(one.part ?? 0)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Columns over the hours; the table with the same figures is opened beneath it. */
export function Columns({ bars, label, heads }: { bars: Bar[]; label: string; heads: [string, string] }) {
  const most = Math.max(1, ...bars.map((one) => one.n));
  const width = 100 / bars.length;
  return (
    <svg
      class="columns"
      role="img"
      aria-label={`${label}: ${heads[1]} ${whole(most)}`}
      viewBox="0 0 100 30"
      preserveAspectRatio="none"
    >
      {bars.map((one, at) => (
        <rect
          key={one.key}
          x={at * width + width * 0.1}
          y={30 - (one.n / most) * 29}
          width={width * 0.8}
          height={(one.n / most) * 29}
        >
          <title>{`${one.label}: ${whole(one.n)}`}</title>
        </rect>
      ))}
      <rect class="ground" x="0" y="29.700" width="100" height="0.300" />
    </svg>
  );
}
