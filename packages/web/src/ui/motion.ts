const still =
  typeof matchMedia === 'function' ? matchMedia('(prefers-reduced-motion: reduce)') : undefined;

/** Length of a movement that explains a change, ms; nothing for those who asked for no motion. */
export function calmMs(): number {
  const asked = document.documentElement.dataset['motion'] === 'less';
  return asked || still?.matches ? 0 : 180;
}
