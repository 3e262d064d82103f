#!/usr/bin/perl
# Reads what the target log-writes has written to its log device: in the order in which the writes would have survived.
#
#   log-writes.pl list LOG              a line for each entry: its number, sector, sectors, flags and mark; the flags
#                                       are letters: f flush, u FUA, d discard, k mark, m metadata
#   log-writes.pl replay LOG DEV A B    does to DEV what the entries A to B say

use strict;
use warnings;
no warnings "portable"; # the magic is a 64-bit number

my ($command, $log, $dev, $first, $last) = @ARGV;

open my $in, '<:raw', $log or die "$log: $!\n";

sub get {
	my ($length) = @_;
	my $data = '';

	while (length $data < $length) {
		my $n = sysread $in, $data, $length - length $data, length $data;
		defined $n or die "$log: $!\n";
		$n or die "$log ends early\n";
	}
	return $data;
}

my ($magic, $version, $entries, $sector_size) = unpack 'Q<Q<Q<L<', get(512);
$magic == 0x6a736677736872 && $version == 1 or die "$log is not a log of log-writes\n";
$sector_size == 512 or get($sector_size - 512);

my $out;
if ($command eq 'replay') {
	open $out, '+<:raw', $dev or die "$dev: $!\n";
}

for my $n (1 .. $entries) {
	my ($sector, $sectors, $flags, $length, $rest) = unpack "Q<Q<Q<Q<a*", get($sector_size);
	my $discard = $flags & 4;
	my $data = $sectors && !$discard ? get($sectors * $sector_size) : '';

	if ($command eq 'list') {
		my $letters = join '', map { $flags & 1 << $_ ? substr('fudkm', $_, 1) : '' } 0 .. 4;
		print "$n $sector $sectors ", $letters || '-', ' ', $flags & 8 ? substr($rest, 0, $length) : '-', "\n";
	} elsif ($n >= $first && $n <= $last && $data ne '') {
		sysseek $out, $sector * $sector_size, 0 or die "$dev: $!\n";
		(syswrite($out, $data) // -1) == length $data or die "$dev: $!\n";
	}
}
if ($out) {
	close $out or die "$dev: $!\n";
}
