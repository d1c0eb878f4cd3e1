/** What a person chose; `system` follows the device. */
export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'parlor.theme';
const COLOURS = { dark: '#14110e', light: '#f6f1e7' } as const;

function readChoice(): ThemeChoice {
  const stored = localStorage.getItem(KEY);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

class Theme {
  #system = matchMedia('(prefers-color-scheme: light)');
  #systemLight = $state(this.#system.matches);
  /** What the person chose. */
  choice = $state<ThemeChoice>(readChoice());

  constructor() {
    this.#system.addEventListener('change', (event) => (this.#systemLight = event.matches));
  }

  /** What is shown. In a room the lights are down unless somebody asked for light by name. */
  shown(inRoom: boolean): 'light' | 'dark' {
    if (this.choice !== 'system') return this.choice;
    return this.#systemLight && !inRoom ? 'light' : 'dark';
  }

  /** Remembers a choice on this device. */
  choose(choice: ThemeChoice): void {
    this.choice = choice;
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  }

  /** Paints the page. */
  apply(inRoom: boolean): void {
    const shown = this.shown(inRoom);
    document.documentElement.dataset['theme'] = shown;
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', COLOURS[shown]);
  }
}

/** How the page is painted. */
export const theme = new Theme();
