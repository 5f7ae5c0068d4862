date-time = { $year }年{ $month }月{ $day }日 { $time } UTC

device = { $system } の { $program }
device-unknown = 不明な端末
