class Layout {
  #narrow = matchMedia('(max-width: 899px) and (orientation: portrait), (max-width: 559px)');
  #flat = matchMedia('(max-height: 480px) and (orientation: landscape)');
  #isNarrow = $state(this.#narrow.matches);
  #isFlat = $state(this.#flat.matches);

  /** `tall`: film above, panel below. `flat`: a phone on its side, film only. `wide`: side by side. */
  shape = $derived<'tall' | 'flat' | 'wide'>(
    this.#isFlat ? 'flat' : this.#isNarrow ? 'tall' : 'wide',
  );

  constructor() {
    this.#narrow.addEventListener('change', (event) => (this.#isNarrow = event.matches));
    this.#flat.addEventListener('change', (event) => (this.#isFlat = event.matches));
  }
}

/** How the room is laid out on this screen. */
export const layout = new Layout();
