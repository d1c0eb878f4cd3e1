import { createSubscriber } from 'svelte/reactivity';

/** How often what moves with time is drawn again, ms. */
const TICK_MS = 250;

let count = 0;

const subscribe = createSubscriber((update) => {
  const timer = setInterval(() => {
    count += 1;
    update();
  }, TICK_MS);
  return () => clearInterval(timer);
});

/** Makes whatever calls it draw again four times a second, as long as somebody looks. */
export function tick(): number {
  subscribe();
  return count;
}
