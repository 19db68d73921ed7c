# A command of a remctld with Net::Remctl::Backend; backend_hello.py is the same in Python.
use strict;
use warnings;
use Net::Remctl::Backend;

my %commands = (
    hello => { code => sub { print "hello\n"; return 0 }, args_max => 0, syntax => q{},
               summary => 'Say hello.' },
    greet => { code => sub { my ($options, $name) = @_;
                             print 'hello ', $name, $options->{loud} ? '!' : q{}, "\n";
                             return 0 },
               options => ['loud'], args_min => 1, args_max => 1, syntax => '<name>',
               summary => 'Say hello to somebody.' },
);
my $backend = Net::Remctl::Backend->new({ command => 'bench', commands => \%commands });
exit $backend->run();
