# From what bench/stalls prints to the longest I/O during each operation, in units
# of the longest in all rounds while nothing happens.
def median: sort | .[length / 2 | floor];

group_by([.disk, .use])
| {stalls: map(
	(map(select(.operation == "none").longest) | max) as $longest
	| group_by(.operation)[]
	| map(.longest / $longest) as $ratios
	| .[0]
	| {disk, use, operation, rounds: ($ratios | length), median: ($ratios | median), least: ($ratios | min),
		most: ($ratios | max)})}
