//! Time and money at every memory setting, from CPU and wall time measured (or stated) once. Depends on `platform`.
//!
//! The model: an invocation waits for others for `wall − CPU` whatever its setting, and computes for its CPU time, faster
//! with more vCPUs up to as many threads as it kept busy. What it does not know: memory pressure near the footprint
//! (headroom is for that), and how fast the platform's processors are beside the measuring machine's.

use serde::Serialize;

use super::platform::{Platform, Price};

/// Times of one start and one invocation, in milliseconds, as measured with as many processors as it wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Wall-clock time of the initialisation.
    pub init_wall_ms: f64,
    /// CPU time of the initialisation.
    pub init_cpu_ms: f64,
    /// Wall-clock time of an invocation.
    pub wall_ms: f64,
    /// CPU time of an invocation.
    pub cpu_ms: f64,
}

/// What an invocation costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Time of a warm invocation.
    pub warm_ms: f64,
    /// Time of the initialisation.
    pub init_ms: f64,
    /// USD of a warm invocation, the request included.
    pub warm_usd: f64,
    /// USD of a cold one.
    pub cold_usd: f64,
    /// USD of the average one.
    pub average_usd: f64,
}

/// How often, where, on what.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Requests a month: decide the tier.
    pub requests_per_month: f64,
    /// The share of cold starts, 0 to 1.
    pub cold_start_rate: f64,
    /// The region.
    pub region: Option<String>,
}

/// How long it takes with so many vCPUs.
pub fn duration_ms(wall_ms: f64, cpu_ms: f64, vcpus: f64) -> f64 {
    let (wall, cpu) = (wall_ms.max(0.0), cpu_ms.max(0.0));
    let threads = if wall > 0.0 { (cpu / wall).max(1.0) } else { 1.0 };
    let waiting = (wall - cpu / threads).max(0.0);
    waiting + cpu / vcpus.min(threads).max(1e-6)
}

/// The average price of a GB-second for so many a month.
fn usd_per_gb_s(price: &Price, region: Option<&str>, gb_s_a_month: f64) -> f64 {
    let first = price.tiers.first().map_or(0.0, |tier| tier.usd_per_gb_s);
    // Discounts are in per cent: they hold in every region.
    let scale = region
        .and_then(|region| price.region_usd_per_gb_s.get(region))
        .filter(|_| first > 0.0)
        .map_or(1.0, |of_region| of_region / first);
    if gb_s_a_month <= 0.0 {
        return first * scale;
    }
    let (mut from, mut usd) = (0.0, 0.0);
    for tier in &price.tiers {
        let to = tier.up_to_gb_s.unwrap_or(f64::INFINITY).min(gb_s_a_month);
        if to > from {
            usd += (to - from) * tier.usd_per_gb_s;
            from = to;
        }
    }
    scale * usd / gb_s_a_month
}

/// How far an invocation's time is taken to stray from the measured one, to both sides.
const SPREAD: f64 = 0.25;

/// Time that is billed on average. Times are rounded up to steps; that of one measured invocation says little about where
/// in a step the next will end, so the mean is taken over times that stray by [`SPREAD`]. Without that, a setting could
/// seem cheaper than its neighbour only because a single time fell just below a whole millisecond.
fn billed_s(platform: &Platform, ms: f64) -> f64 {
    let step = platform.time.billed_step_ms.max(1e-3);
    let least = platform.time.billed_min_ms;
    let (from, to) = (ms.max(0.0) * (1.0 - SPREAD), ms.max(0.0) * (1.0 + SPREAD));
    let rounded_up = if to - from < 1e-6 {
        // A hair above a step is the step: times are sums of floats.
        (((ms - 1e-9) / step).ceil().max(0.0) * step).max(least)
    } else {
        // The mean of max(least, ceil(t)) is an integral of steps, each flat.
        let flat_until = (least / step).ceil() * step;
        let up_to = |t: f64| {
            let low = t.min(flat_until);
            let steps = ((t.max(flat_until) - flat_until) / step).floor();
            let rest = (t - flat_until).max(0.0) - steps * step;
            let first = flat_until + step;
            // `steps` whole steps of first, first + step, …; then a part of the next.
            low * least.max(flat_until)
                + step * (steps * first + step * steps * (steps - 1.0) / 2.0)
                + rest * (first + step * steps)
        };
        (up_to(to) - up_to(from)) / (to - from)
    };
    rounded_up / 1000.0
}

/// What an invocation costs at a setting. `used_mb` is what a platform bills that bills what was used.
pub fn cost(platform: &Platform, price: &Price, usage: &Usage, times: &Times, memory_mb: u64, used_mb: u64) -> Cost {
    let vcpus = platform.vcpus(memory_mb);
    let warm_ms = duration_ms(times.wall_ms, times.cpu_ms, vcpus);
    let init_vcpus = if platform.time.full_vcpu_at_init { vcpus.max(1.0) } else { vcpus };
    let init_ms = duration_ms(times.init_wall_ms, times.init_cpu_ms, init_vcpus);
    let cold_ms = if platform.time.bills_init { warm_ms + init_ms } else { warm_ms };
    let billed_mb = if platform.memory.is_setting {
        memory_mb
    } else {
        platform.smallest_setting(used_mb).unwrap_or(platform.memory.max_mb)
    };
    let gb = billed_mb as f64 / 1024.0;
    let rate = usage.cold_start_rate.clamp(0.0, 1.0);
    let (warm_s, cold_s) = (billed_s(platform, warm_ms), billed_s(platform, cold_ms));
    let average_s = warm_s + rate * (cold_s - warm_s);
    let per_gb_s = usd_per_gb_s(price, usage.region.as_deref(), average_s * gb * usage.requests_per_month);
    let request = price.usd_per_million_requests / 1e6;
    let usd = |seconds: f64| request + seconds * (gb * per_gb_s + vcpus * price.usd_per_vcpu_s);
    Cost { warm_ms, init_ms, warm_usd: usd(warm_s), cold_usd: usd(cold_s), average_usd: usd(average_s) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommend::platform::platform;

    fn usage(requests: f64) -> Usage {
        Usage { requests_per_month: requests, cold_start_rate: 0.0, region: None }
    }

    fn aws(times: &Times, memory_mb: u64, usage: &Usage) -> Cost {
        let platform = platform("aws-lambda").unwrap_or_else(|| panic!("it ships"));
        let price = platform.price("x86_64").unwrap_or_else(|| panic!("it has one")).clone();
        cost(&platform, &price, usage, times, memory_mb, memory_mb)
    }

    #[test]
    fn computing_gets_faster_with_memory_and_waiting_does_not() {
        assert_eq!(duration_ms(100.0, 100.0, 0.5), 200.0);
        assert_eq!(duration_ms(100.0, 100.0, 4.0), 100.0);
        assert_eq!(duration_ms(100.0, 0.0, 0.1), 100.0);
        assert_eq!(duration_ms(100.0, 60.0, 0.5), 160.0);
        // Four threads kept busy: as many vCPUs as there are help.
        assert_eq!(duration_ms(100.0, 400.0, 2.0), 200.0);
        assert_eq!(duration_ms(100.0, 400.0, 6.0), 100.0);
    }

    /// A setting is not cheaper than its neighbour because a measured time fell just below a whole step.
    #[test]
    fn rounding_makes_no_jumps() {
        let platform = platform("aws-lambda").unwrap_or_else(|| panic!("it ships"));
        let billed = |ms: f64| billed_s(&platform, ms) * 1000.0;
        assert!((billed(10.01) - billed(9.99)).abs() < 0.05, "{} {}", billed(10.01), billed(9.99));
        assert!((billed(400.0) - 400.5).abs() < 0.01, "half a step more than the time: {}", billed(400.0));
        assert!((billed(0.3) - 1.0).abs() < 1e-9 && (billed(0.0) - 1.0).abs() < 1e-9, "one millisecond at least");
        // 1.5 to 2.5: half of them are billed 2, half 3.
        assert!((billed(2.0) - (0.5 * 2.0 + 0.5 * 3.0)).abs() < 1e-9);
    }

    #[test]
    fn a_million_seconds_of_a_gigabyte_cost_what_the_price_list_says() {
        // On average half a millisecond more is billed than it takes.
        let times = Times { wall_ms: 999.5, cpu_ms: 0.0, ..Times::default() };
        let cost = aws(&times, 1024, &usage(1e6));
        assert!((cost.warm_usd * 1e6 - (16.6667 + 0.20)).abs() < 1e-4, "{cost:?}");
        // 20 billion GB-seconds: 6 at the first price, 9 at the second, 5 at the third.
        let much = aws(&times, 1024, &usage(20e9));
        let expected = (6.0 * 0.0000166667 + 9.0 * 0.000015 + 5.0 * 0.0000133334) / 20.0 + 0.2e-6;
        assert!((much.warm_usd - expected).abs() < 1e-10, "{much:?}");
    }

    #[test]
    fn time_is_rounded_up_and_the_initialisation_is_billed_where_the_platform_does() {
        let times = Times { init_wall_ms: 500.0, init_cpu_ms: 500.0, wall_ms: 0.4, cpu_ms: 0.0 };
        let cost = aws(&times, 1024, &usage(1.0));
        assert!((cost.warm_usd - (0.001 * 0.0000166667 + 0.2e-6)).abs() < 1e-12, "one millisecond at least");
        assert!((cost.cold_usd - (0.5009 * 0.0000166667 + 0.2e-6)).abs() < 1e-11);
        assert_eq!(cost.init_ms, 500.0, "a whole vCPU at the start");
        let flex = platform("azure-flex").unwrap_or_else(|| panic!("it ships"));
        let price = flex.prices[0].clone();
        let of_flex = super::cost(&flex, &price, &usage(1.0), &times, 2048, 2048);
        assert!((of_flex.cold_usd - (1.0 * 2.0 * 0.000026 + 0.4e-6)).abs() < 1e-12, "a second at least, no init");
        let google = platform("google-cloud").unwrap_or_else(|| panic!("it ships"));
        let price = google.prices[0].clone();
        let of_google =
            super::cost(&google, &price, &usage(1.0), &Times { wall_ms: 150.0, ..Times::default() }, 2048, 1);
        assert!((of_google.warm_usd - (0.2 * (2.0 * 0.0000025 + 0.000024) + 0.4e-6)).abs() < 1e-12, "steps of 100 ms");
    }
}
