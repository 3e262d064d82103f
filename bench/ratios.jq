# From "pair who operation ticks" to ratios: one a pair, from the least of what was
# measured twice in it. $ratios has who is to be divided by whom.
def median: sort | .[length / 2 | floor];

group_by([.pair, .operation])
| map({operation: .[0].operation, of: (group_by(.who) | map({(.[0].who): (map(.ticks) | min)}) | add)})
| [$ratios[] as [$this, $beside]
	| group_by(.operation)[]
	| map(.of[$this] / .of[$beside]) as $found
	| {configuration: $this, $beside, operation: .[0].operation, pairs: ($found | length), median: ($found | median),
		least: ($found | min), most: ($found | max)}]
| {($member): .}
