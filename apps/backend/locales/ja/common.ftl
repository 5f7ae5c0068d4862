date-time = { $year }年{ $month }月{ $day }日 { $time }（UTC）

device = { $program }（{ $system }）
device-unknown = 不明なデバイス
