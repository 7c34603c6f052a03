/** A part of the page that is fetched when it is first shown. */

import { type ComponentType, type FunctionComponent, h } from "preact";
import { useEffect, useState } from "preact/hooks";
import { texts } from "../language.ts";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): FunctionComponent<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [part, setPart] = useState<{ component: ComponentType<P> | null; failed: boolean }>({
      component: loaded,
      failed: false,
    });
    useEffect(() => {
      if (part.component) return;
      load().then(
        (component) => {
          loaded = component;
          setPart({ component, failed: false });
        },
        () => setPart({ component: null, failed: true }),
      );
    }, []);
    if (part.component) return h(part.component as ComponentType<any>, props);
    return <p class="panel">{part.failed ? texts.value.lazyFailed : texts.value.loading}</p>;
  };
}
