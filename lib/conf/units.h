#pragma once
/// Durations and sizes as people write them. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/clock.h"

namespace kiln::conf {

/// "90s", "10m", "1h30m", "2d", "250ms": units d h m s ms, each at most once, in this order, no
/// spaces. nullopt for everything else: no unit, negative, more than 10 years.
std::optional<Millis> parse_duration(std::string_view text);
/// The shortest text that parse_duration reads back: "1h30m".
std::string format_duration(Millis duration);

/// "2GiB", "512MiB", "10GB", "4096B": KiB MiB GiB TiB are powers of 1024, kB MB GB TB of 1000.
/// nullopt for everything else: no unit, a fraction, more than 2^63.
std::optional<uint64_t> parse_size(std::string_view text);
/// The largest power of 1024 that divides: "2GiB".
std::string format_size(uint64_t bytes);

}  // namespace kiln::conf
