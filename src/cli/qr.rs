//! `bayader qr`

use std::io::IsTerminal;

use clap::Args;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::exit::{Failure, Outcome};
use super::output;

/// Black on white whatever the terminal's colours are: not every phone reads a code whose colours are exchanged.
const BLACK_ON_WHITE: &str = "\x1b[30;107m";
const AS_BEFORE: &str = "\x1b[0m";

#[derive(Args)]
pub struct Qr {
    /// What the code says, such as the shop's address.
    text: String,
}

impl Qr {
    pub fn run(self) -> Outcome {
        let code = QrCode::new(self.text.as_bytes()).map_err(|_| {
            let length = self.text.len();
            Failure::because(format!("{length} bytes do not go into one QR code. Give a shorter text, as an address"))
        })?;
        let picture = code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
        let coloured = std::io::stdout().is_terminal();
        for row in picture.lines() {
            if coloured {
                output::line(format!("{BLACK_ON_WHITE}{row}{AS_BEFORE}"))?;
            } else {
                output::line(row)?;
            }
        }
        Ok(())
    }
}
