//! Figures as an operator reads them: sizes, times, percentages, bars. Pure.

/// Bytes in one page frame.
pub const FRAME: u64 = 4096;

/// A size in at most five columns: `0`, `640K`, `1.5M`, `32M`, `1G`.
pub fn size(bytes: u64) -> String {
    const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    if bytes == 0 {
        return "0".to_owned();
    }
    let mut unit = 0;
    let mut scale: u64 = 1 << 10;
    while unit + 1 < UNITS.len() && bytes / scale >= 1024 {
        unit += 1;
        scale = scale.saturating_mul(1024);
    }
    let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(scale));
    if tenths % 10 == 0 || tenths >= 100 {
        format!("{}{}", tenths.div_ceil(10), UNITS[unit])
    } else {
        format!("{}.{}{}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// Processor time as CP writes it, `mmm:ss.hs`, from microseconds.
pub fn processor_time(us: u64) -> String {
    let hundredths = us / 10_000;
    format!("{:03}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100)
}

/// A span as `hh:mm:ss`, with days in front when there are any.
pub fn span(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days == 0 { clock } else { format!("{days}d {clock}") }
}

/// A percentage that is surely a number, not negative.
pub fn sane(percent: f32) -> f32 {
    if percent.is_finite() { percent.clamp(0.0, 999_999.0) } else { 0.0 }
}

/// `part` of `whole` in percent; 0 of nothing is 0.
pub fn percent(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 100.0) as f32 }
}

/// A bar of `width` columns for 0 to 100 percent, as (full, empty). From one percent on something shows.
pub fn bar(percent: f32, width: usize) -> (usize, usize) {
    let share = f64::from(sane(percent).min(100.0)) / 100.0;
    let mut full = (share * width as f64).round() as usize;
    if share >= 0.01 && full == 0 && width > 0 {
        full = 1;
    }
    (full.min(width), width - full.min(width))
}

/// Heights of a column.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One processor's load in one column.
pub fn column(percent: f32) -> char {
    LEVELS[((sane(percent).min(100.0) / 100.0 * 7.0).round()) as usize]
}

/// A machine's use of a processor in one of `rows` rows of a chart that reaches to `scale` percent, row 0 at the bottom. What shows as
/// 0.1 percent stands above the ground line.
pub fn chart(percent: f32, scale: f32, row: usize, rows: usize) -> char {
    let share = if percent < 0.05 { 0.0 } else { f64::from(sane(percent) / scale).min(1.0) };
    // The ground line is the lowest eighth.
    let eighths = 1 + (share * (rows * 8 - 1) as f64).ceil() as usize;
    match eighths.saturating_sub(row * 8) {
        0 => ' ',
        eighths => LEVELS[eighths.min(8) - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stay_short_from_a_frame_to_everything() {
        let shown: Vec<_> = [0, 1, 4096, 640 << 10, 1536 << 10, 32 << 20, (1 << 30) - 1, 1 << 30, 5 << 40, u64::MAX].map(size).into();
        assert_eq!(shown, ["0", "0.1K", "4K", "640K", "1.5M", "32M", "1024M", "1G", "5T", "16E"]);
    }

    #[test]
    fn times_follow_cp() {
        assert_eq!(processor_time(61_230_000), "001:01.23");
        assert_eq!(processor_time(60_000_000 * 12_345), "12345:00.00");
        assert_eq!(span(59), "00:00:59");
        assert_eq!(span(3 * 86_400 + 4 * 3600 + 12 * 60 + 33), "3d 04:12:33");
    }

    #[test]
    fn a_bar_never_leaves_its_width_whatever_the_figure() {
        for percent in [f32::NAN, f32::INFINITY, -5.0, 0.0, 0.1, 50.0, 100.0, 1e30] {
            let (full, rest) = bar(percent, 10);
            assert_eq!(full + rest, 10, "{percent}");
        }
        assert_eq!(bar(1.0, 10), (1, 9));
        assert_eq!(bar(0.4, 10), (0, 10));
    }

    #[test]
    fn a_chart_tells_idle_from_little_and_full_from_nearly_full() {
        let one = |percent| chart(percent, 100.0, 0, 1);
        assert_eq!([0.0, 0.04, 0.05, 50.0, 84.0, 100.0, 1e30, f32::NAN].map(one), ['▁', '▁', '▂', '▅', '▇', '█', '█', '▁']);
        let three = |percent| [0, 1, 2].map(|row| chart(percent, 10.0, row, 3)).into_iter().collect::<String>();
        assert_eq!([0.0, 2.0, 5.0, 10.0].map(three), ["▁  ", "▆  ", "█▅ ", "███"]);
    }
}
