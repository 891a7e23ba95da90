=== parse 1
x='  alpha beta   gamma  delta '
parse var x a b c
say '[' a '][' b '][' c ']'
parse var x a . c
say '[' a '][' c ']'
parse var x a
say '[' a ']'
parse var x . a .
say '[' a ']'
parse var x 1 a 4 b 8 c
say '[' a '][' b '][' c ']'
parse var x a 5 b =5 c +3 d -2 e
say '[' a '][' b '][' c '][' d '][' e ']'
parse var x 'alp' a 'b' b
say '[' a '][' b ']'
parse var x 'zz' a
say '[' a ']'
parse var x a 'zz' b
say '[' a '][' b ']'
=== parse 2
p=','
parse value '12,34,56' with a (p) b (p) c
say a b c
n=4
parse value 'abcdefghij' with a =(n) b +(n) c -(n) d
say '[' a '][' b '][' c '][' d ']'
parse upper value 'MiXed CaSe' with a b
say a b
parse value 'x y z' with a.1 a.2 a.3
say a.1 a.2 a.3
parse value with a b
say '[' a '][' b ']'
parse value 'key=value=more' with k '=' v
say k v
parse value '  lead' with a
say '[' a ']'
parse value 'a b c d' with a b 1 c d
say '[' a '][' b '][' c '][' d ']'
parse value 'abc' with 2 a 10 b
say '[' a '][' b ']'
parse value 'abc' with 10 a 2 b
say '[' a '][' b ']'
parse value 'a''b' with x '''' y
say x y
=== parse 3
call s 'one', 'two three', , 'FoUr'
exit
s: parse arg a, b c, d, e
say a '|' b '|' c '|' d '|' e
arg a, b c, d, e
say a '|' b '|' c '|' d '|' e
parse arg , x
say x
say arg() arg(1) arg(3) arg(4) arg(3,'E') arg(3,'O') arg(9)
return
=== queue
queue 'first line'
push 'top Line'
queue 'third'
say queued()
pull x y
say x '|' y
parse pull x y
say x '|' y
parse pull x
say x queued()
=== parse relative
s='0123456789'
parse var s 3 a +2 b +1 c
say a b c
parse var s '4' a
say a
parse var s '4' a 2 b 3
say a b
parse var s '45' -2 a +3 b
say a b
parse var s 1 a +0 b
say '[' a '][' b ']'
parse var s 5 a 3 b 7 c
say '[' a '][' b '][' c ']'
parse var s a '' b
say '[' a '][' b ']'
=== select
do i=1 to 4
 select
  when i=1 then say 'one'
  when i=2 then do; say 'two'; say 'twice'; end
  when i=3 then nop
  otherwise
   say 'other'
   say i
 end
end
=== if else chains
do i=1 to 4
if i=1 then say 1
else if i=2 then say 2
else if i=3 then do
 say 3
end
else say 'else' i
end
if 1 then if 0 then say 'a'; else say 'b'
if 0 then nop; else say 'c'
=== loops
do i=5 to 1; say 'never'; end
say i
do i=1 to 2 by .5; say i; end
do i=1 by 2 to 7 for 2; say i; end
say i
do i=1 to 3 while i<3; say i; end
do i=1 to 9 until i>=2; say i; end
do 2 while 1; say 'w'; end
do 0; say 'never'; end
i=5
do i=i to i+2; say i; end i
do while 0; say never; end
do until 1; say once; end
do forever while i<10; i=i+1; end; say i
do x.1=1 to 2; say x.1; end
outer: do i=1 to 3
 do j=1 to 3
  if j=2 then iterate i
  if i=3 then leave i
  say i j
 end
end
say i j
=== leave iterate
do i=1 to 5
 if i=2 then iterate
 if i=4 then leave
 say i
end
do i=1 to 3; do; if i=2 then leave i; end; say i; end
=== procedure expose
a=1; b=2; c.=0; c.1=10; c.2=20; list='b c.2'
call p1
say a b c.1 c.2 z
call p2
say a b c.1 c.2
call p3
say a b c.1 c.2
exit
p1: procedure
say a b c.1
a=99; z=1
return
p2: procedure expose a c.
say a b c.1 c.3
a=5; b=6; c.1=11; c.4=1
return
p3: procedure expose (list)
say list a b c.1 c.2
b=7; c.2=8; c.1=9
return
=== procedure nested expose
x=1
call a
say x
exit
a: procedure expose x; x=x+1; call b; say x; return
b: procedure expose x; x=x+1; drop x; call c; return
c: procedure expose x; say symbol('x'); x=50; return
=== recursion
say fact(10) fact(20)
numeric digits 30
say fact(25)
exit
fact: procedure
arg n
if n<=1 then return 1
return n*fact(n-1)
=== call result
call f 3
say result
call g
say result
call h
say symbol('result')
exit
f: return arg(1)*2
g: return
h: return ''
=== functions and sigl
say twice(4)
x = line()
say x
exit
twice: return 2*arg(1)
line: return sigl
=== interpret
interpret 'say "hello"; x = 5'
say x
y='a.b'
interpret y '= 7'
say a.b
do i=1 to 3; interpret 'v'i '= i*i'; end
say v1 v2 v3
interpret 'do k=1 to 2; say k; end'
interpret 'if x=5 then say "five"; else say "other"'
interpret 'call sub 4'
say result
exit
sub: return arg(1)+1
=== interpret return
say f()
exit
f: interpret 'return 42'
say 'not here'
=== signal
i=0
again: i=i+1
if i<3 then signal again
say i sigl
signal value 'END'||'ING'
say 'no'
ending: say 'done' sigl
=== signal on syntax
signal on syntax
x = 1/0
say 'no'
syntax: say rc sigl condition('C') condition('I') condition('S')
say errortext(rc)
say sourceline(sigl)
=== signal on novalue
signal on novalue
x = 1
say x
say undefd
exit
novalue: say 'novalue' condition('D') condition('C') sigl
signal on novalue name nv2
say q.1
exit
nv2: say condition('D')
=== signal on error
trace off
signal on error
'exit 3'
say 'no'
exit
error: say 'error' rc sigl condition('D') condition('C') condition('I')
=== call on error
trace off
call on error name oops
'exit 5'
say 'back' rc result
say condition('C')
exit
oops: say 'oops' rc sigl condition('C') condition('I') condition('S')
return 'x'
=== signal failure
signal on failure
trace off
'echo ok'
say rc
=== drop
a=1;b=2;c.1=3
drop a c.1
say a c.1 b
n='b'
drop (n)
say b
=== upper
a='mixed Case'; b.1='x'
upper a
say a
=== numeric
numeric digits 5
say 123456*1 digits()
numeric digits
say digits()
numeric fuzz 2
say fuzz() 12345678=12345671 123456789=123456780
numeric fuzz
numeric form engineering
say form() 1234567890*10
numeric form
say form()
numeric digits 3+4
say digits()
=== comparison
say (1=1.0) (1==1.0) ('a'='a ') ('a'=='a ') ('abc'<'abd') ('abc'<<'abd') ('A'<'a') (' 1'=1) (''=' ') ('10'>'9') ('10'>>'9') ('x10'>'x9')
say (1\=2) (1<>2) (1><2) (2>=2) (2<=1) (1\>2) (1\<2) ('a'\=='a')
say ('0'x<'00'x) ('a'>'a'||'01'x) ('a  b'='a b')
say ' x'='x' 'x '='x' '1e1'=10 '1e1'==10
=== logic
say (1&1) (1&0) (1|0) (0|0) (1&&1) (1&&0) \0 \1
say 1=1 & 2=2 | 0
=== precedence
say 2+3*4 (2+3)*4 -2**2 2**3**2 10-5-2 100/10/2 7//4*2 1||2+3 'a' 'b'||'c' 1+1=2 & 3>2 \0+0
say -3+5 - -2 +4*-1
say 2**-2 1||'x' 1 2 '5'||'6'+1
=== strings
say 'it''s' "say ""hi""" '41'x '4142'X '0100 0001'b '1000001'b
say 'abc'||"def" 'a'"b" 'a'c 'x'x1
x='v'; say x'1' x '1' x||1 (x)1
=== concatenation
a=1; b=2
say a b a||b a'' b (a)(b) a' ' b
say 'A'   'B'/* comment */'C'
say 'A'/* c */ 'B'
=== continuation
say 'one',
 'two',
 'three'
x = 1 + ,
 2
say x
call f 1,,
 2
exit
f: say arg() arg(1) arg(2) arg(3); return
=== comments
/* comment /* nested */ still */ say 'a' /* b */; say 'c'
say /* x */ 'd'
=== labels
a: b: say 'two labels'
say 'x'; c: say 'inner'
=== stems
s.='init'
say s.1 s.a.b s.
s.a=1; a='q'
say s.a s.q
s.q=2
say s.a
t.1.2=5; i=1; j=2
say t.i.j t.i.3
k='lower case'; t.k='yes'
say t.k
x.0=3; do n=1 to 3; x.n=n*n; end
sum=0; do n=1 to x.0; sum=sum+x.n; end; say sum
u.='a'; u.1='b'; u.='c'; say u.1
drop u.; say u.1
=== value function
a=5; x='a'
say value('a') value(x) value('x')
call value 'b', 7
say b
say value('c.'||x, 9) c.a value('c.x')
say symbol('a') symbol('zz') symbol('c.x')
=== trace setting
say trace()
=== datatypes of numbers
do i=1 to 12
x=word('1 -1 +1 1. .1 . 1e5 1e 1e+5 1e-5 0x1 --1',i)
say x datatype(x)
end
=== exit value
exit 5
=== nested functions
say left(right('abcdef',4),2) length(copies('ab',3)) max(min(3,5),2) substr('abc',2,1)||word('x y',2)
say strip(center('x',9,'-'),,'-') translate(reverse('abc'))
=== many args
say f(1,2,3,4,5,6,7,8,9,10,11,12)
exit
f: return arg() arg(12)
=== omitted args
call f ,2,,4
call f
call f ,
call f 1,
exit
f: say arg() '['arg(1)']['arg(2)']' arg(1,'o') arg(2,'e') arg(3,'e'); return
=== say empty
say
say ''
say ' '
=== address
say address()
address 'FOO'
say address()
address
say address()
address value 'BAR'
say address()
=== environment command
'echo hello world'
say rc
'echo' lower
x='echo'
x 'from var'
address system 'echo one'
say rc
=== quoted function
say 'LENGTH'('abc') "SUBSTR"('abc',2)
=== builtin overridden
say left('abc',1) 'LEFT'('abc',1)
exit
left: return 'mine'
=== condition in subroutine
signal on syntax name bad
call sub
say 'not here'
exit
sub: x='a'+1
return
bad: say 'bad' sigl rc
=== settings restored
numeric digits 5
call sub
say digits() address() 1/3
exit
sub: say digits(); numeric digits 20; address 'XX'; say 1/3
return
=== arg case
call s 'MiXed'
exit
s: arg x; say x; parse arg x; say x; parse upper arg x; say x; return
=== do expr
n=3
do n; n=n+1; end
say n
do n+1-3; n=n-1; end
say n
=== big numbers
say 1e999999999 1e-999999999
say 123456789012345678901234567890
say 123456789012345678901234567890+0
say 0.1+0.2 1e5+1 1e9+1 1e10+1 .1*.1 1/8 22/7
say 5.0 5.0+0 -0 0*-5 00012 00012+0 ' 12 '+0
=== implicit exit in loop
do i=1 to 3
 if i=2 then exit
 say i
end
=== return from main
say 'a'
return 3
=== null clauses
;;; say 'x';;
if 1 then; say 'y'
=== keyword as variable
say = 5
if = 2
x = say + if
do = 1
'echo' say if do x
=== compound tails
a.b.c = 1
b = 'B'
say a.b.c a.B.C
i = 3
a.i.i = 'x'
say a.3.3
a..1 = 'dot'
say a..1
=== hex
say c2x('abc') x2c('616263') c2d('a') d2c(97) x2d('ff') d2x(255) b2x('1111') x2b('f')
=== translate and verify
say translate('hello','aeiou','eioua') verify('123a','0123456789')
