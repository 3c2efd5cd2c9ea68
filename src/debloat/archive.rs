//! Zip files, in and out: what a platform takes as a deployment package. Depends on `diagnostic` and `tree`.
//!
//! What is written is the same for the same files: names in order, no times (1980-01-01), modes kept. The format is the
//! one of PKWARE's APPNOTE 6.3.3 without ZIP64, as the platforms read it.

use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::tree;
use crate::diagnostic::{Diagnostic, Kind};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Names are UTF-8.
const UTF8: u16 = 0x0800;
/// 1980-01-01, the earliest that there is.
const DATE: u16 = 0x0021;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// No file of an archive may become larger than this, in bytes.
const MOST_BYTES: u64 = 4 << 30;

fn put16(into: &mut Vec<u8>, value: u16) {
    into.extend(value.to_le_bytes());
}

fn put32(into: &mut Vec<u8>, value: u32) {
    into.extend(value.to_le_bytes());
}

/// Writes all files below a folder into a zip file, which must not exist.
///
/// # Errors
/// `cannot-write`, also for what the format cannot hold.
pub fn write(folder: &Path, to: &Path) -> Result<(), Diagnostic> {
    let failed = |error: std::io::Error| tree::cannot_write(to, &error);
    let too_large = || {
        Diagnostic::new(Kind::CannotWrite, "is more than a zip file holds (65,535 files, 4 GB)")
            .in_file(to)
            .help("name a folder with `-o`")
    };
    let mut out = std::io::BufWriter::new(fs_err::File::create_new(to).map_err(failed)?);
    let mut central = Vec::new();
    let mut offset: u64 = 0;
    let files = tree::list(folder);
    let count = u16::try_from(files.len()).map_err(|_| too_large())?;
    for (relative, _) in &files {
        let path = folder.join(relative);
        let data = fs_err::read(&path).map_err(failed)?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&data).map_err(failed)?;
        let packed = encoder.finish().map_err(failed)?;
        let (method, body) = if packed.len() < data.len() { (DEFLATED, &packed) } else { (STORED, &data) };
        let mut crc = flate2::Crc::new();
        crc.update(&data);
        let name = relative.to_string_lossy().replace('\\', "/");
        let size = |length: usize| u32::try_from(length).map_err(|_| too_large());
        let mut common = Vec::new();
        for value in [UTF8, method, 0, DATE] {
            put16(&mut common, value);
        }
        for value in [crc.sum(), size(body.len())?, size(data.len())?] {
            put32(&mut common, value);
        }
        put16(&mut common, u16::try_from(name.len()).map_err(|_| too_large())?);
        put16(&mut common, 0);
        let mut local = Vec::new();
        put32(&mut local, LOCAL);
        put16(&mut local, 20);
        local.extend(&common);
        local.extend(name.as_bytes());
        // Made on Unix: the mode is in the upper half of the attributes.
        put32(&mut central, CENTRAL);
        put16(&mut central, 3 << 8 | 20);
        put16(&mut central, 20);
        central.extend(&common);
        for value in [0, 0, 0] {
            put16(&mut central, value);
        }
        put32(&mut central, mode(&path) << 16);
        put32(&mut central, u32::try_from(offset).map_err(|_| too_large())?);
        central.extend(name.as_bytes());
        out.write_all(&local).and_then(|()| out.write_all(body)).map_err(failed)?;
        offset += (local.len() + body.len()) as u64;
    }
    let mut end = Vec::new();
    put32(&mut end, END);
    for value in [0, 0, count, count] {
        put16(&mut end, value);
    }
    put32(&mut end, u32::try_from(central.len()).map_err(|_| too_large())?);
    put32(&mut end, u32::try_from(offset).map_err(|_| too_large())?);
    put16(&mut end, 0);
    out.write_all(&central).and_then(|()| out.write_all(&end)).and_then(|()| out.flush()).map_err(failed)
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    // A platform's user is another than the one that packs: everybody may read.
    std::fs::metadata(path).map_or(0o100_644, |metadata| metadata.permissions().mode() | 0o100_444)
}

#[cfg(not(unix))]
fn mode(_path: &Path) -> u32 {
    0o100_644
}

/// A number of a zip file's data at a place.
fn number<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn get16(data: &[u8], at: usize) -> Option<u16> {
    number(data, at).map(u16::from_le_bytes)
}

fn get32(data: &[u8], at: usize) -> Option<usize> {
    number(data, at).map(u32::from_le_bytes).and_then(|value| usize::try_from(value).ok())
}

/// Unpacks a zip file into a folder.
///
/// # Errors
/// `cannot-read` if it is none, or leads out of the folder; `cannot-write`.
pub fn unpack(file: &Path, into: &Path) -> Result<(), Diagnostic> {
    let wrong =
        |why: &str| Diagnostic::new(Kind::CannotRead, format!("is no zip file that can be read: {why}")).in_file(file);
    let data = fs_err::read(file)
        .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(file))?;
    // The end record is last, before a comment of at most 64 KiB.
    let last = data.len().saturating_sub(22);
    let first = last.saturating_sub(0xffff);
    let end = (first..=last)
        .rev()
        .find(|at| get32(&data, *at) == Some(END as usize))
        .ok_or_else(|| wrong("it has no end record"))?;
    let damaged = || wrong("it is damaged");
    let count = get16(&data, end + 10).ok_or_else(damaged)?;
    let mut at = get32(&data, end + 16).ok_or_else(damaged)?;
    for _ in 0..count {
        let field16 = |offset: usize| get16(&data, at.saturating_add(offset)).ok_or_else(damaged);
        let field32 = |offset: usize| get32(&data, at.saturating_add(offset)).ok_or_else(damaged);
        if get32(&data, at) != Some(CENTRAL as usize) {
            return Err(damaged());
        }
        let (flags, method) = (field16(8)?, field16(10)?);
        let (crc, packed, size) = (field32(16)?, field32(20)?, field32(24)?);
        let (name, extra, comment) = (usize::from(field16(28)?), usize::from(field16(30)?), usize::from(field16(32)?));
        let (attributes, local) = (field32(38)?, field32(42)?);
        let name_at = at.saturating_add(46);
        let bytes = data.get(name_at..name_at.saturating_add(name)).ok_or_else(damaged)?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        at = name_at.saturating_add(name + extra + comment);
        if flags & 1 != 0 {
            return Err(wrong(&format!("{text} is encrypted")));
        }
        let relative = Path::new(&text);
        if text.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(wrong(&format!("`{text}` leads out of it")));
        }
        let to: PathBuf = into.join(relative);
        let failed = |error: std::io::Error| tree::cannot_write(&to, &error);
        if text.ends_with('/') {
            fs_err::create_dir_all(&to).map_err(failed)?;
            continue;
        }
        let names = get16(&data, local.saturating_add(26)).zip(get16(&data, local.saturating_add(28)));
        let (own_name, own_extra) = names.ok_or_else(damaged)?;
        let start = local.saturating_add(30 + usize::from(own_name) + usize::from(own_extra));
        let body = data.get(start..start.saturating_add(packed)).ok_or_else(damaged)?;
        let mut plain = Vec::new();
        match method {
            STORED => plain.extend_from_slice(body),
            DEFLATED => {
                let most = MOST_BYTES.min(size as u64 + 1);
                let mut decoder = flate2::read::DeflateDecoder::new(body).take(most);
                decoder.read_to_end(&mut plain).map_err(|_| damaged())?;
            }
            other => return Err(wrong(&format!("{text} is packed by method {other}"))),
        }
        let mut sum = flate2::Crc::new();
        sum.update(&plain);
        if plain.len() != size || sum.sum() as usize != crc {
            return Err(wrong(&format!("{text} is damaged")));
        }
        if let Some(folder) = to.parent() {
            fs_err::create_dir_all(folder).map_err(failed)?;
        }
        if attributes >> 16 & 0o170_000 == 0o120_000 {
            link(&plain, relative, &to).map_err(failed)?;
            continue;
        }
        fs_err::write(&to, &plain).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = (attributes >> 16) as u32 & 0o111 | 0o644;
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
    }
    Ok(())
}

/// A symbolic link, if it stays within the archive.
#[cfg(unix)]
fn link(target: &[u8], relative: &Path, at: &Path) -> std::io::Result<()> {
    let target = PathBuf::from(String::from_utf8_lossy(target).into_owned());
    let mut depth = relative.components().count().saturating_sub(1);
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(std::io::Error::other("a link that leads out of the archive"));
            }
        }
    }
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn link(_target: &[u8], _relative: &Path, _at: &Path) -> std::io::Result<()> {
    Err(std::io::Error::other("a symbolic link"))
}
