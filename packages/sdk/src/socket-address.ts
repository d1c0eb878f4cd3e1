import type { Ticket } from './protocol.ts';

/**
 * Returns where to open a socket with a ticket. The server may have its sockets at another origin
 * than its pages; the ticket says so, so that a page need not know.
 */
export function socketAddress(url: string, { ticket, syncUrl }: Ticket): string {
  const address = new URL(url);
  const place = syncUrl ? new URL(address.pathname, syncUrl) : address;
  place.searchParams.set('authToken', ticket);
  return place.href;
}
