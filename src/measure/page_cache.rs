//! Dropping a run's own files from the page cache, so that the group is charged for them as in a new instance. Linux only.
//!
//! The same file charges a group 60 MiB when it is read from disk and almost nothing when it is cached already: without
//! this, figures of what is charged would depend on who ran before. Depends on `sys` and `report`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::report::PageCache;
use super::sys;

/// Most files that are looked at.
const MAX_FILES: usize = 100_000;

/// Share of what may stay in the cache before the figure calls it warm.
const TOLERATED_BYTES: u64 = 1 << 20;

/// Drops the files of these folders, and these files, from the cache.
pub fn evict(places: &[PathBuf]) -> PageCache {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for place in places {
        walk(place, &mut seen, &mut files);
    }
    let mut cached = 0;
    let mut looked_at = 0;
    for path in &files {
        let Ok(file) = File::open(path) else { continue };
        let Ok(metadata) = file.metadata() else { continue };
        if !metadata.is_file() || metadata.len() == 0 {
            continue;
        }
        looked_at += 1;
        sys::drop_from_cache(&file);
        let mut left = sys::cached_bytes(&file, metadata.len()).unwrap_or(0);
        if left > 0 {
            // Pages that are not on disk yet cannot be dropped: a freshly installed package.
            let _ = file.sync_data();
            sys::drop_from_cache(&file);
            left = sys::cached_bytes(&file, metadata.len()).unwrap_or(0);
        }
        cached += left;
    }
    let complete = files.len() < MAX_FILES;
    let state = if complete && cached <= TOLERATED_BYTES { "cold" } else { "warm" };
    PageCache { state: state.to_owned(), files: looked_at, still_cached_bytes: cached }
}

/// Files below a place, sorted; links to folders are not followed.
fn walk(place: &Path, seen: &mut BTreeSet<PathBuf>, files: &mut Vec<PathBuf>) {
    let Ok(place) = place.canonicalize() else { return };
    let mut open = vec![place];
    while let Some(path) = open.pop() {
        if files.len() >= MAX_FILES || !seen.insert(path.clone()) {
            continue;
        }
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        if metadata.is_file() {
            files.push(path);
        } else if metadata.is_dir() {
            let Ok(entries) = std::fs::read_dir(&path) else { continue };
            let skipped = [".git", "node_modules"];
            open.extend(
                entries
                    .flatten()
                    .filter(|entry| !skipped.iter().any(|name| entry.file_name() == *name))
                    .map(|e| e.path()),
            );
        }
    }
}
