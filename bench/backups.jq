# From what bench/backups prints to what an I/O takes during a backup, on average and
# at most, in units of the same while nothing happens.
def median: sort | .[length / 2 | floor];
def spread: {rounds: length, median: median, least: min, most: max};

group_by(.disk)
| {backups: map(
	map(select(.operation == "none")) as $none
	| ($none | map(.ticks / .ios) | median) as $average
	| ($none | map(.longest) | max) as $longest
	| group_by(.operation)[]
	| {disk: .[0].disk, backup: .[0].operation} + (
		({io: "average"} + (map(.ticks / .ios / $average) | spread)),
		({io: "longest"} + (map(.longest / $longest) | spread))))}
