//! Random shares by counter instead of a generator with a state: the same seed, name and sample give the same share
//! everywhere, and a name that is added changes no other one's. Depends on nothing.

/// A share between 0 and 1, both exclusive, for a name of some sort and a sample: SplitMix64 of a counter.
pub fn share(seed: u64, sort: &str, name: &str, sample: usize) -> f64 {
    // FNV-1a of the name, so that names are independent of each other.
    let mut start = 0xCBF2_9CE4_8422_2325_u64;
    for byte in sort.bytes().chain([b'.']).chain(name.bytes()) {
        start = (start ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    let start = mixed(start ^ mixed(seed));
    let bits = mixed(start.wrapping_add((sample as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

fn mixed(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
