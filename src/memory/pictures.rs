//! Pictures whose bytes are known: their size and mode, from the first bytes of the file. Depends on nothing.

/// Width and height in pixels, and the mode that PIL gives the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub width: u32,
    pub height: u32,
    pub mode: &'static str,
}

/// Bytes of a file that are looked at.
pub(super) const HEAD: usize = 1 << 18;

/// What the beginning of a PNG, JPEG, GIF or BMP file says.
pub(super) fn picture(bytes: &[u8]) -> Option<Picture> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let mode = match bytes.get(25)? {
            0 => "L",
            3 => "P",
            4 => "LA",
            6 => "RGBA",
            _ => "RGB",
        };
        return Some(Picture { width: big(bytes, 16, 4)?, height: big(bytes, 20, 4)?, mode });
    }
    if bytes.starts_with(b"\xff\xd8") {
        return jpeg(bytes);
    }
    if bytes.starts_with(b"GIF8") {
        return Some(Picture { width: little(bytes, 6, 2)?, height: little(bytes, 8, 2)?, mode: "P" });
    }
    if bytes.starts_with(b"BM") {
        return Some(Picture { width: little(bytes, 18, 4)?, height: little(bytes, 22, 4)?, mode: "RGB" });
    }
    None
}

/// The frame header of a JPEG file (ITU-T T.81, B.2.2).
fn jpeg(bytes: &[u8]) -> Option<Picture> {
    let mut at = 2_usize;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xFF => at += 1,
            // Markers without content.
            0x01 | 0xD0..=0xD7 => at += 2,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let mode = match bytes.get(at + 9)? {
                    1 => "L",
                    4 => "CMYK",
                    _ => "RGB",
                };
                return Some(Picture { width: big(bytes, at + 7, 2)?, height: big(bytes, at + 5, 2)?, mode });
            }
            _ => at = at.checked_add(2)?.checked_add(usize::try_from(big(bytes, at + 2, 2)?).ok()?)?,
        }
    }
}

fn big(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    Some(bytes.get(at..at + count)?.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

fn little(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    Some(bytes.get(at..at + count)?.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

/// The first bytes of a text in base64; what is no character of it is passed over.
pub(super) fn from_base64(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        held = (held << 6 | u32::from(six)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xFF).unwrap_or(0));
        }
        if out.len() >= HEAD {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_the_headers() {
        let png = from_base64("iVBORw0KGgoAAAANSUhEUgAAAAoAAAAUCAIAAAA=");
        assert_eq!(picture(&png), Some(Picture { width: 10, height: 20, mode: "RGB" }));
        let mut jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x01\x00\x02\x00\x03".to_vec();
        assert_eq!(picture(&jpeg), Some(Picture { width: 512, height: 256, mode: "RGB" }));
        jpeg.truncate(12);
        assert_eq!(picture(&jpeg), None);
        assert_eq!(picture(b"GIF89a\x05\x00\x07\x00"), Some(Picture { width: 5, height: 7, mode: "P" }));
        assert_eq!(picture(b"text"), None);
    }
}
