# SPDX-License-Identifier: Apache-2.0
#
# Called by needrestart(1) for each process that it is about to list, as its modules for
# containers are: who answers 1 takes the process off the list. We do so if
# `graft sync --dry-run` says that all its old code is hotpatched and that nothing else of
# it is old. Who cannot be asked takes nobody off.
package NeedRestart::CONT::graft;

use strict;
use warnings;

use parent qw(NeedRestart::CONT);
use JSON::PP ();
use NeedRestart qw(:cont);

# Longest time that graft has, in seconds. What was not compared before takes some.
my $LIMIT = 120;

needrestart_cont_register(__PACKAGE__)
    unless($<);

# Run graft; returns what it prints, or undef.
sub run {
    local $ENV{PATH} = join(':', grep { defined && $_ ne '' } $ENV{PATH},
			    qw(/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin));
    my $pid = open(my $pipe, '-|') // return undef;
    if($pid == 0) {
	open(STDIN, '<', '/dev/null');
	open(STDERR, '>', '/dev/null');
	{ no warnings; exec(qw(graft sync --dry-run --json)); }
	require POSIX;
	POSIX::_exit(127);
    }
    my $text = eval {
	local $SIG{ALRM} = sub { die "timeout\n" };
	alarm($LIMIT);
	local $/;
	my $all = <$pipe>;
	alarm(0);
	$all;
    };
    alarm(0);
    kill('KILL', $pid) unless(defined($text));
    close($pipe);
    return $text;
}

# Find who is wholly hotpatched; by process.
sub find_done {
    my $text = run();
    my $answer = eval { JSON::PP->new->utf8->decode($text // '') };
    my (%done, %left);

    return {} unless(ref($answer) eq 'HASH' && ref($answer->{processes}) eq 'ARRAY' &&
		      $answer->{packages_known});
    foreach my $item (@{ $answer->{processes} }) {
	if($item->{action} eq 'hotpatched-before') {
	    $done{ $item->{pid} }++;
	}
	elsif($item->{action} ne 'identical') {
	    $left{ $item->{pid} }++;
	}
    }
    delete($done{$_}) foreach(keys %left);
    return \%done;
}

my $done;

sub check {
    my ($self, $pid, $bin) = @_;

    # Asked about the first process, needrestart wants to know whether it is in a
    # container itself.
    return 0 if($pid == 1);
    $done //= find_done();
    return 0 unless($done->{$pid});
    # It may have been about to be listed for its scripts, of which needrestart knows more.
    return 0 if(NeedRestart::needrestart_interp_check($self->{debug}, $pid, $bin,
			$main::nrconf{blacklist_interp}, $main::opt_t));
    print STDERR "[graft] #$pid is hotpatched and will be ignored\n" if($self->{debug});
    return 1;
}

1;
