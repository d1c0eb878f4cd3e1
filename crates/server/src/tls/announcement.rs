//! What the person who starts a server with a certificate of its own sees: where others find it,
//! and how they know that it is the right one.

use std::net::{IpAddr, SocketAddr};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::config::Config;

/// Black on white, whatever the terminal's own colours are, and back.
const INK: (&str, &str) = ("\x1b[30;47m", "\x1b[0m");

/// Returns the address for the other machines at home, or `None` if they cannot reach any.
pub fn address_for_others(
    config: &Config,
    listening: &[SocketAddr],
    machine: &[IpAddr],
) -> Option<String> {
    if let Some(site) = &config.public_url {
        return Some(site.origin.clone());
    }
    let reachable = |on: &SocketAddr| {
        let ip = if on.ip().is_unspecified() {
            *machine.iter().find(|address| address.is_ipv4() == on.is_ipv4())?
        } else {
            on.ip()
        };
        (!ip.is_loopback()).then(|| format!("https://{}", SocketAddr::new(ip, on.port())))
    };
    listening.iter().find_map(reachable)
}

/// Writes the fingerprint and a QR code of `own`, or of `others` if there is such an address.
/// `is_terminal` says whether colours are understood.
pub fn text(own: &str, others: Option<&str>, fingerprint: &str, is_terminal: bool) -> String {
    let place = match others {
        Some(address) => format!("Other machines find it at {address}\n"),
        None => "Only this machine can reach it. With --listen 0.0.0.0:3000 your network can.\n"
            .to_owned(),
    };
    let code = code(others.unwrap_or(own), is_terminal);
    format!(
        "{place}\nIts certificate is self-signed: a browser warns once, and shows this SHA-256 \
         fingerprint:\n{fingerprint}\n\n{code}"
    )
}

fn code(address: &str, is_terminal: bool) -> String {
    // An address is never as long as what a code holds.
    let Ok(code) = QrCode::new(address) else { return String::new() };
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let (before, after) = if is_terminal { INK } else { ("", "") };
    picture.lines().map(|line| format!("{before}{line}{after}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, sources};

    fn found(listen: &str, public: &str) -> Option<String> {
        let mut flags = Flags::default();
        flags.values.insert("listen", listen.to_owned());
        flags.values.insert("public_url", public.to_owned());
        let folder = tempfile::tempdir().unwrap();
        let values = sources::gather(&flags, &|_| None, folder.path()).unwrap();
        let config = Config::from_values(&values).unwrap();
        let machine = ["192.168.1.5".parse().unwrap(), "fd00::5".parse().unwrap()];
        let listening: Vec<_> = config.listen.iter().map(|on| on.address).collect();
        address_for_others(&config, &listening, &machine)
    }

    #[test]
    fn others_are_sent_to_an_address_they_can_reach() {
        assert_eq!(found("127.0.0.1:3000,[::1]:3000", ""), None);
        assert_eq!(found("0.0.0.0:3000", "").unwrap(), "https://192.168.1.5:3000");
        assert_eq!(found("[::]:3000", "").unwrap(), "https://[fd00::5]:3000");
        assert_eq!(found("127.0.0.1:1,10.0.0.7:2", "").unwrap(), "https://10.0.0.7:2");
        assert_eq!(found("127.0.0.1:1", "https://parlor.lan").unwrap(), "https://parlor.lan");
    }

    #[test]
    fn the_picture_is_of_the_address() {
        let shown = text("https://localhost:3000", None, "AB:CD", false);
        let wanted = QrCode::new("https://localhost:3000").unwrap();
        let rows: Vec<&str> = shown.lines().filter(|line| line.contains(['▀', '▄', '█'])).collect();
        // Two rows of modules stand in a line, and four around the picture on each side.
        assert_eq!(rows[0].chars().count(), wanted.width() + 8);
        assert!(shown.contains("AB:CD"), "{shown}");
        assert!(shown.contains("--listen 0.0.0.0:3000"), "{shown}");
    }
}
