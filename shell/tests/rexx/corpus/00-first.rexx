=== first loops
t=0
do i=1 to 10 by 3
 t = t + i
end
say t i
do 3; say 'x'; end
do while t>0; t=t-10; end
say t
do until t>5; t=t+2; end
say t
do j=10 to 1 by -4; say j; end
do forever; leave; end
do k=1 for 3; if k=2 then iterate; say k; end k
=== first call
say 1
call foo
exit
foo: say 2
x = bar(3)
return
bar: procedure
y = 'a' + arg(1)
return
=== first parse
parse value 'a b c' with p q . '=' r
say p q r
parse value 'one two  three four' with w1 w2 rest
say w1'|'w2'|'rest'|'
parse value '1234567890' with 3 x 5 y +2 z
say x y z
=== first compound
a. = 'def'
a.1 = 5
i = 1
say a.i a.2
drop a.1
say a.1
drop a.
say a.1 a.i
=== first arithmetic
say 1/3 2/3 1e10*1 10//3 -7//3 7%2 2**10 2**-1 1.20*1 12.0/3 3/1.50
numeric digits 30
say 1/3 2**100
numeric digits 3
say 12345+0
numeric form engineering
say 12345+0 1234567*1
