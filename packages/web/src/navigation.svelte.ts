/** The pages there are. */
export type Page =
  | { name: 'front'; code?: string }
  | { name: 'you' }
  | { name: 'reset' }
  | { name: 'verify' }
  | { name: 'invitation' }
  | { name: 'first' }
  | { name: 'site'; part: 'people' | 'mail' }
  | { name: 'messages'; who?: string }
  | { name: 'room'; roomId: string }
  | { name: 'unknown' };

/** Reads which page a path names. */
export function pageAt(path: string): Page {
  if (path === '/') return { name: 'front' };
  if (/^\/(?:you|account|login|register)\/?$/.test(path)) return { name: 'you' };
  if (/^\/reset\/?$/.test(path)) return { name: 'reset' };
  if (/^\/verify\/?$/.test(path)) return { name: 'verify' };
  if (/^\/invitation\/?$/.test(path)) return { name: 'invitation' };
  if (/^\/first\/?$/.test(path)) return { name: 'first' };
  if (/^\/admin\/?$/.test(path)) return { name: 'site', part: 'people' };
  if (/^\/admin\/mail\/?$/.test(path)) return { name: 'site', part: 'mail' };
  if (/^\/messages\/?$/.test(path)) return { name: 'messages' };
  const who = /^\/messages\/([^/]+)\/?$/.exec(path)?.[1];
  if (who !== undefined) return { name: 'messages', who: decoded(who) };
  const code = /^\/join\/([a-z0-9]+)\/?$/i.exec(path)?.[1];
  if (code !== undefined) return { name: 'front', code };
  const room = /^\/room\/([\w-]+)\/?$/.exec(path)?.[1];
  return room === undefined ? { name: 'unknown' } : { name: 'room', roomId: room };
}

/** Reads a part of an address; what is no proper part is taken as it stands. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Navigation {
  #path = $state(location.pathname);
  #search = $state(location.search);

  /** The page that is shown. */
  page = $derived(pageAt(this.#path));
  /** What follows `?` in its address. */
  query = $derived(new URLSearchParams(this.#search));

  constructor() {
    addEventListener('popstate', () => this.#read());
  }

  /** Goes to another page of this site. */
  go(to: string): void {
    history.pushState(null, '', to);
    this.#read();
    scrollTo(0, 0);
  }

  /** Changes the address without a step in the history. */
  replace(to: string): void {
    history.replaceState(null, '', to);
    this.#read();
  }

  /** Lets a click on a link of this site change the page without loading it anew. */
  follow = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const changed = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!link || changed || event.button !== 0 || event.defaultPrevented) return;
    const foreign = link.origin !== location.origin || link.target !== '' || link.hash !== '';
    if (foreign || pageAt(link.pathname).name === 'unknown') return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  };

  #read(): void {
    this.#path = location.pathname;
    this.#search = location.search;
  }
}

/** Where in the site we are. */
export const navigation = new Navigation();
