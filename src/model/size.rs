//! Sizes that AWS accepts: Fargate's CPU and memory pairs, Aurora Serverless v2 capacity, numbers of tasks.

use std::fmt;

use thiserror::Error;

/// Why a size was refused, and what is allowed instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct SizeError {
    /// What is wrong.
    pub problem: String,
    /// What is allowed.
    pub help: String,
}

/// A CPU and memory pair that Fargate offers. CPU in units (1024 = one vCPU), memory in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FargateSize {
    cpu: u32,
    memory: u32,
}

/// CPU units with the lowest and highest memory and its step, MiB. Source: ECS API, `RegisterTaskDefinition`.
const FARGATE: &[(u32, u32, u32, u32)] = &[
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

impl FargateSize {
    /// Checks the pair.
    ///
    /// # Errors
    /// If Fargate has no such CPU, or not that memory for it.
    pub fn new(cpu: u32, memory: u32) -> Result<Self, SizeError> {
        let Some(&(_, low, high, step)) = FARGATE.iter().find(|row| row.0 == cpu) else {
            let offered: Vec<String> = FARGATE.iter().map(|row| row.0.to_string()).collect();
            return Err(SizeError {
                problem: format!("Fargate does not offer {cpu} CPU units"),
                help: format!("choose one of {} (1024 is one vCPU)", offered.join(", ")),
            });
        };
        // 256 CPU units go with 512, 1024 and 2048 MiB, but not with 1536.
        let exists = (low..=high).contains(&memory) && memory.is_multiple_of(step) && !(cpu == 256 && memory == 1536);
        if exists {
            return Ok(Self { cpu, memory });
        }
        let help = if cpu == 256 {
            "with 256 CPU units choose 512, 1024 or 2048 MiB".to_owned()
        } else {
            format!("with {cpu} CPU units choose {low} to {high} MiB in steps of {step}")
        };
        Err(SizeError { problem: format!("Fargate does not pair {cpu} CPU units with {memory} MiB"), help })
    }

    /// CPU units; 1024 is one vCPU.
    #[must_use]
    pub fn cpu(self) -> u32 {
        self.cpu
    }

    /// Memory in MiB.
    #[must_use]
    pub fn memory(self) -> u32 {
        self.memory
    }
}

impl fmt::Display for FargateSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} CPU units, {} MiB", self.cpu, self.memory)
    }
}

/// An Aurora Serverless v2 capacity range in half ACUs, so that no comparison depends on a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityRange {
    min_halves: u32,
    max_halves: u32,
}

impl CapacityRange {
    /// The highest capacity, in ACU. Source: Aurora user guide, Serverless v2 capacity.
    pub const HIGHEST: u32 = 256;

    /// Checks a range given in ACU as written ("0.5", "4").
    ///
    /// # Errors
    /// If a bound is not a multiple of 0.5, the order is wrong, or AWS has no such capacity.
    pub fn parse(min: &str, max: &str) -> Result<Self, SizeError> {
        let (min_halves, max_halves) = (halves(min)?, halves(max)?);
        if max_halves < 2 {
            return Err(SizeError {
                problem: format!("a maximum of {max} ACU is too low"),
                help: "choose a maximum of at least 1 ACU".into(),
            });
        }
        if max_halves > Self::HIGHEST * 2 {
            return Err(SizeError {
                problem: format!("a maximum of {max} ACU is too high"),
                help: format!("choose a maximum of at most {} ACU", Self::HIGHEST),
            });
        }
        if min_halves > max_halves {
            return Err(SizeError {
                problem: format!("the minimum of {min} ACU is above the maximum of {max}"),
                help: "write the lower number as `min`".into(),
            });
        }
        Ok(Self { min_halves, max_halves })
    }

    /// The minimum as text, in ACU ("0.5").
    #[must_use]
    pub fn min(self) -> String {
        text(self.min_halves)
    }

    /// The maximum as text, in ACU ("4").
    #[must_use]
    pub fn max(self) -> String {
        text(self.max_halves)
    }

    /// Whether the cluster may pause: only a minimum of 0 allows it.
    #[must_use]
    pub fn can_pause(self) -> bool {
        self.min_halves == 0
    }

    /// PostgreSQL's `max_connections` at this range, by the maximum, interpolated between the documented points;
    /// a minimum of 0 or 0.5 caps it at 2,000. Source: Aurora user guide, "Maximum connections for Aurora Serverless
    /// v2".
    #[must_use]
    pub fn max_connections(self) -> u32 {
        const POINTS: &[(u32, u32)] = &[(2, 189), (8, 823), (16, 1669), (32, 3360), (64, 5000)];
        let x = self.max_halves;
        let by_max = POINTS.windows(2).find(|pair| x <= pair[1].0).map_or(5000, |pair| {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            y0 + (x.saturating_sub(x0)) * (y1 - y0) / (x1 - x0)
        });
        if self.min_halves <= 1 { by_max.min(2000) } else { by_max }
    }
}

fn halves(acu: &str) -> Result<u32, SizeError> {
    let wrong = || SizeError {
        problem: format!("`{acu}` is not a capacity in ACU"),
        help: "write a number in steps of 0.5, for example 0.5 or 4".into(),
    };
    let (whole, fraction) = acu.split_once('.').unwrap_or((acu, "0"));
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let half = match fraction.trim_end_matches('0') {
        "" => 0,
        "5" => 1,
        _ => return Err(wrong()),
    };
    whole.checked_mul(2).map(|w| w + half).ok_or_else(wrong)
}

fn text(halves: u32) -> String {
    if halves.is_multiple_of(2) { (halves / 2).to_string() } else { format!("{}.5", halves / 2) }
}

/// How many tasks a service may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskRange {
    min: u32,
    max: u32,
}

impl TaskRange {
    /// How many tasks konta gives one tenant at most: far more than a small business needs, far fewer than ECS's 5,000
    /// per service.
    pub const HIGHEST: u32 = 50;

    /// Checks the range.
    ///
    /// # Errors
    /// If it is empty, reversed or above [`Self::HIGHEST`].
    pub fn new(min: u32, max: u32) -> Result<Self, SizeError> {
        if min == 0 {
            return Err(SizeError {
                problem: "a service needs at least one task".into(),
                help: "to put a tenant to sleep, use `schedule`".into(),
            });
        }
        if min > max || max > Self::HIGHEST {
            return Err(SizeError {
                problem: format!("{min} to {max} tasks is not a usable range"),
                help: format!("write min <= max <= {}", Self::HIGHEST),
            });
        }
        Ok(Self { min, max })
    }

    /// The fewest tasks.
    #[must_use]
    pub fn min(self) -> u32 {
        self.min
    }

    /// The most tasks.
    #[must_use]
    pub fn max(self) -> u32 {
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fargate_pairs_are_those_of_the_documentation() {
        for (cpu, memory) in [(256, 512), (256, 2048), (512, 4096), (1024, 8192), (4096, 30720), (16384, 122_880)] {
            assert!(FargateSize::new(cpu, memory).is_ok(), "{cpu} {memory}");
        }
        for (cpu, memory) in [(256, 1536), (256, 4096), (512, 1536), (300, 512), (1024, 1024), (8192, 17408)] {
            assert!(FargateSize::new(cpu, memory).is_err(), "{cpu} {memory}");
        }
    }

    #[test]
    fn capacity_goes_in_halves() {
        let range = CapacityRange::parse("0.5", "4").unwrap();
        assert_eq!((range.min(), range.max()), ("0.5".to_owned(), "4".to_owned()));
        for (min, max) in [("0.3", "4"), ("4", "1"), ("0.5", "300"), ("0", "0.5"), ("x", "1")] {
            assert!(CapacityRange::parse(min, max).is_err(), "{min} {max}");
        }
    }

    #[test]
    fn connections_follow_the_documented_points() {
        assert_eq!(CapacityRange::parse("0.5", "1").unwrap().max_connections(), 189);
        assert_eq!(CapacityRange::parse("1", "4").unwrap().max_connections(), 823);
        assert_eq!(CapacityRange::parse("0.5", "16").unwrap().max_connections(), 2000);
        assert_eq!(CapacityRange::parse("1", "16").unwrap().max_connections(), 3360);
        assert_eq!(CapacityRange::parse("1", "64").unwrap().max_connections(), 5000);
    }
}
