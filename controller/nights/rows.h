#pragma once
/// Stored timetables as the rules and the wire have them. Pure.
#include "kiln/v1/schedule.pb.h"
#include "lib/db/schedule_table.h"
#include "lib/nights/night.h"
#include "lib/nights/timetable.h"

namespace kiln::controller::nights_rows {

/// An error when this computer does not know its zone (any more).
Result<nights::Timetable> timetable_of(const db::ScheduleRow& row);

/// A new row of what was asked, with the defaults filled in. kBadInput says which field is wrong.
Result<db::ScheduleRow> row_of(const v1::AddScheduleRequest& request, WallTime now);

nights::Night night_of(const db::NightRow& row);

/// "30 2 * * *" on the wall: what planned and next times are written with; UTC when the zone is not
/// known.
cron::Zone zone_of(const db::ScheduleRow& row);

void to_proto(const db::ScheduleRow& row, v1::Schedule* out);
void to_proto(const db::FiringRow& row, const cron::Zone& zone, v1::Firing* out);

/// The key under which a planned time is kept.
std::string key_of(WallTime planned);

}  // namespace kiln::controller::nights_rows
