date-time = { $year }年{ $month }月{ $day }日 { $time }（UTC）

device = { $system } 上的 { $program }
device-unknown = 未知设备
