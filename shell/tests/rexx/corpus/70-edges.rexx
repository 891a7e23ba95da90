=== edges rows of a matrix
do i = 0 to 12; do j = 12 to 0 by -1; m.i.j = i * j; end; end
s = 0; do i = 0 to 12; do j = 0 to 12; s = s + m.i.j; end; end
say s m.3.4 m.12.12 m.13.1 m.1.13 m.01.1
i = 3; j = '04'; say m.i.j; j = 4.0; say m.i.j; j = '4'; say m.i.j; j = -1; say m.i.j
drop m.3.4; say m.3.4 symbol('M.3.4') symbol('M.3.5') symbol('m.3.44')
m. = 'all'; say m.3.4 m.3.5 m.x; drop m.3.4; say m.3.4; m.3.4 = 7; say m.3.4; drop m.; say m.3.4
=== edges rows and words
a.1.NAME = 'one'; a.2.NAME = 'two'; a.1.1 = 'x'; a.1.1.1 = 'y'; a.1. = 'z'; a..1 = 'w'
say a.1.name a.2.name a.1.1 a.1.1.1 a.1. a..1
k = 1.1; say a.k; k = '1.NAME'; say a.k; k = '1.'; say a.k; k = ''; say a.k
say value('a.1.1') value('a.k') symbol('a.1.2') symbol('a.2.NAME')
x = 1; y = 1; say a.x.y; y = 2; a.x.y = 'new'; say a.1.2; z = '1.2'; say a.z
=== edges null tails
t = ''; a. = 'all'; a.t = 'null tail'; say a.t a.x value('a.t') value('a.') symbol('a.t')
x = value('a.t', 'other'); say x a.t a.y; name = 'a.t'; drop (name); say a.t a.y
b.t = 5; say symbol('b.t') symbol('b.') b.t
=== edges rows far apart
a.1000.1000 = 'far'; a.1.1 = 'near'; a.9.9 = 'gap'; a.18.0 = 'gap'; a.40.3 = 'table'
do i = 0 to 45; a.i.0 = i; end
say a.40.3 a.1000.1000 a.1.1 a.9.9 a.18.0 a.44.0
do i = 0 to 45; do j = 0 to 4; if symbol('a.i.j') = 'VAR' then call charout , i'.'j' '; end; end; say
=== edges exposed rows
a.1.1 = 1; a.1.2 = 2; a.2.1 = 3; i = 1; j = 2
call one; say a.1.1 a.1.2 a.2.1 a.3.3
call two; say a.1.1 a.1.2 a.2.1 a.3.3
call three; say a.1.1 a.1.2 a.2.1 a.3.3; exit
one: procedure expose i j a.i.j; a.i.j = 'changed'; a.1.1 = 'local'; say a.1.1 a.1.2 a.2.1; a.3.3 = 'gone'; return
two: procedure expose a.; a.2.1 = 'all'; a.3.3 = 'kept'; drop a.1.1; return
three: procedure expose a.1.1 a.1.2; a. = 'reset'; say a.1.1 a.1.2 a.2.1; drop a.1.2; return
=== edges loop counters
do i = 1 to 3; call charout , i' '; i = i + 1; end; say i
do i = 10 to 1 by -3; call charout , i' '; end; say i
do i = 1 to 2 by 0.5; call charout , i' '; end; say i
do i = 5 to 1; say 'never'; end; say i
do i = 1 by 2 for 4; call charout , i' '; end; say i
do i = 1 to 10 for 3; call charout , i' '; end; say i
do i = 1 to 3 by 0 for 2; call charout , i' '; end; say i
do i = -2 to 2; call charout , i' '; end; say i
do i = '1' to '3'; call charout , i' '; end; say i
do i = 1.0 to 3; call charout , i' '; end; say i
do i = 1E1 to 12; call charout , i' '; end; say i
=== edges loop counters that change
do i = 1 to 5; if i = 2 then i = 'x'; if i = 'x' then i = 4; call charout , i' '; end; say i
do i = 1 to 20; if i = 3 then i = 18.5; call charout , i' '; end; say i
numeric digits 9; do i = 999999998 for 4; call charout , i' '; end; say i
do i = 1 to 5; numeric digits i; call charout , i' '; end; numeric digits 9; say i
numeric fuzz 1; do i = 1 to 3; call charout , i' '; end; say i
=== edges comparison at few digits
numeric digits 3; say 997-1000 997-1001 997-1003 (997=1000) (997=1001) (997=1003) (997=1006) (-997=-1000) (9.97=10.0)
=== edges loop in routine
i = 7; call count; say i; call shared; say i; exit
count: procedure; do i = 1 to 3; call charout , i' '; end; say i; return
shared: procedure expose i; do i = 1 to 3; call charout , i' '; call inner; end; say i; return
inner: do j = 1 to 2; do k = 1 to 2; if k = 2 then iterate j; call charout , j'.'k' '; end; end; return
=== edges loop compound control
do a.1 = 1 to 3; call charout , a.1' '; end; say a.1; j = 2
do a.j = 3 to 1 by -1; call charout , a.2' '; end; say a.j
do i = 1 to 3; do forever; leave i; end; end; say i
do i = 1 to 3; do j = 1 to 3; if j = 2 then iterate i; call charout , i'.'j' '; end; end; say i j
=== edges even quotients
say 6/3 6/0.3 0.6/3 0.6/0.3 60/3 600/3 6000/0.03 1.50/3 4.50/1.5 -6/3 6/-0.3 0/5 0/0.5
say 1e10/2 1e10/5 1e-10/2 123456789/123456789 999999999/9 99999999.9/9 1000/8 1000/3
numeric digits 3; say 1000/10 12345/5 123450/50 0.0001234/2 1234/2
numeric digits 20; say 6/0.3 1/8 2/3 123456789012345678/2 10000000000000000000/4 1.50/3 100/0.001
numeric digits 50; say 12.5/5 1/7 89.2500892500000000000000000/3 1e40/8 1/1024 7/0.0007
=== edges carries across words
numeric digits 40
say 99999999 + 1 9999999999999999 + 1 999999999999999999999999 + 1
say '99999999.99999999' + '.00000001' '9999999999999999.9' + '.1' '1e20' + '1e-19' '1e20' - '1e-19'
say 10000000000000000 - 1 100000000000000000000000000000 - 1 1e30 - 1 '1e30' - '1e-9'
say 12345678123456781234567812345678 - 12345678123456781234567812345677
say 12345678123456781234567812345677 - 12345678123456781234567812345678
say 55555555555555555555555555555555 + 44444444444444444444444444444445
say 55555555555555555555555555555555 - 5555555555555555.5555555555555555
say 99999999999999999999999999999999999999999 + 0 99999999999999999999999999999999999999995 + 0
say 0.99999999 * 99999999 123456789123456789 * 987654321987654321 1e39 / 99999999 1e39 / 100000001
say 12345678901234567890123456789 // 1234567890123 12345678901234567890123456789 % 1234567890123
=== edges quotients of long numbers
numeric digits 30
say 1/99999999 1/100000000 1/100000001 99999999/100000001 1e29/12345678 1e29/123456789
say 123456789012345678901234567890/99999999 123456789012345678901234567890/99999999999999999
say 2**100/3**50 3**60 2**-60 1.00000001**20 99999999**3
=== edges date conversions
days = '20240229 19991231 20000101 19000301 20261126'
do i = 1 to words(days); day = word(days, i); line = day
  do j = 1 to 10; line = line date(substr('BDEMNOSUWC', j, 1), day, 'S'); end
  say line; end
=== edges date conversions back
say date('S', 738945, 'B') date('S', '26 Nov 2026', 'N') date('S', '1 Jan 2000', 'N') date('S', '26/11/26', 'E') date('S', '26/11/26', 'O') date('S', '11/26/26', 'U')
say date('N', '20000229', 'S') date('B', '20000229', 'S') date('W', '29 Feb 2000', 'N') date('M', '29 Feb 2000', 'N') date('D', '31 Dec 2000', 'N')
=== edges date wrong
signal on syntax
do i = 1 to 8; n = i; select
  when i = 1 then say date('S', '20240230', 'S'); when i = 2 then say date('S', '30 Feb 2024', 'N'); when i = 3 then say date('X')
  when i = 4 then say date('S', '', 'S'); when i = 5 then say date('S', '13/13/24', 'U'); when i = 6 then say date('B', -1, 'B')
  when i = 7 then say date('S', 'abc', 'B'); otherwise say date('N', '20241301', 'S'); end
next: end; exit
syntax: say n rc condition('C'); signal on syntax; i = n; call again; exit
again: return
=== edges parse words
parse value '  one  two   three  ' with a b c; say '<'a'><'b'><'c'>'
parse value '  one  two   three  ' with a b c .; say '<'a'><'b'><'c'>'
parse value '  one  two   three  ' with a; say '<'a'>'
parse value '  one  two   three  ' with . a; say '<'a'>'
parse value '' with a b; say '<'a'><'b'>'
parse value 'one' with a b c; say '<'a'><'b'><'c'>'
parse value 'a'||'09'x||'b c' with x y; say '<'x'><'y'>'
parse value '12 13' with n m; say n + m
parse upper value 'MiXed Words' with a b; say a b
parse value 123456.5 with a b; say a'|'b
a = 'x y z'; parse var a a b; say a'|'b; parse var a a b; say a'|'b
parse value 'abcdefghijklmnop qrstuvwxyzabcdef last and more of it' with a b c; say a b c
=== edges parse patterns
parse value 'abcdefghij' with 3 a 5 b 2 c; say a b c
parse value 'abcdefghij' with a 'd' b +2 c -1 d 1 e; say a b c d e
parse value 'key=value;other=one' with k '=' v ';' rest; say k v rest
p = ';'; n = 3; parse value 'ab;cdefgh' with a (p) b =(n) c +(n) d -(n) e; say a b c d e
parse value 'ab' with 10 a; say '<'a'>'; parse value 'abc' with a 99 b; say '<'a'><'b'>'
parse value 'aXbXc' with a 'X' . 'X' c 'X' d; say a c '<'d'>'
parse value 'abc' with '' a; say '<'a'>'; parse value 'abc' with a '' b; say '<'a'><'b'>'
parse value 'one two' with a.1 a.2; say a.1 a.2; i = 3; parse value 'x y' with a.i b.i.i; say a.3 b.3.3
=== edges changestr countstr
say changestr('', 'abc', 'x') changestr('a', '', 'x') '<'changestr('abc', 'abc', '')'>' changestr('aa', 'aaaaa', 'b')
say countstr('', 'abc') countstr('a', '') countstr('aa', 'aaaaa') countstr('abc', 'abcabc')
say changestr('a', 'banana', 'aa') changestr('an', 'banana', '') countstr('ana', 'banana')
=== edges streams lines
f = 'edges.lines'; call lineout f, 'one'; call lineout f, ''; call lineout f, 'three words here'; call lineout f
say lines(f) linein(f) '<'linein(f)'>' linein(f) lines(f) '<'linein(f)'>'
call lineout f, 'four'; call lineout f
say linein(f, 1) linein(f, 3) '<'linein(f, 1, 0)'>' linein(f)
=== edges streams characters
f = 'edges.characters'; call charout f, 'abcdef'; call charout f, 'ghi'; call charout f
say chars(f) charin(f) charin(f,, 3) charin(f, 2, 4) chars(f) charin(f, 9) chars(f) '<'charin(f)'>'
say charin(f, 1, 0)'|' charin(f, 1, 3)
=== edges streams not ready
signal on notready name gone; say 'x'; y = linein('edges.nothing'); say 'not here'; exit
gone: say condition('C') condition('I') condition('D') condition('S') sigl
call on notready name again; z = charin('edges.nothing'); say '<'z'>'; exit
again: say condition('C') condition('I') condition('D') condition('S'); return
=== edges conditions
trace o
call on error name e; 'exit 3'; say 'back' rc
call on failure name f; 'exit 3'; say 'after'
call off error; 'exit 4'; say rc
signal on error name g; 'exit 5'; say 'not here'
g: say condition('C') condition('I') condition('D') condition('S') rc sigl; exit
e: say condition('C') condition('I') condition('D') condition('S') rc sigl; return
f: say 'failure'; return
=== edges condition novalue
signal on novalue; x = 1; say x; say y; exit
novalue: say condition('C') condition('I') condition('D') condition('S') sigl
signal on novalue name second; say a.1; exit
second: say condition('D'); signal on novalue name third; i = 2; say a.i.i; exit
third: say condition('D'); signal on novalue name fourth; z = undefined + 1; exit
fourth: say condition('D') sigl
=== edges condition syntax
signal on syntax name one; say 1/0; exit
one: say condition('C') condition('I') condition('S') rc errortext(rc) sigl
signal on syntax name two; say 'a' + 1; exit
two: say condition('C') rc sigl; signal on syntax name three; interpret 'say ('; exit
three: say rc sigl; signal on syntax name four; x = left('a'); exit
four: say rc sigl; signal off syntax; say condition('S')
=== edges condition none
say '<'condition()'>' '<'condition('C')'>' '<'condition('D')'>' '<'condition('S')'>'
call on halt; say '<'condition('C')'>'; signal on novalue; call off halt; drop x; x = 5; say x
=== edges value symbol
say value('x') symbol('x'); x = 5; say value('X') value('x', 6) x symbol('x') symbol('1x') symbol('*') symbol('a.b') symbol('')
i = 2; a.2 = 'two'; say value('a.i') value('a.'i) value('a.i', 'new') a.2 symbol('a.i') symbol('a.j')
say value('z' || i, 'made') z2; s. = 'd'; say symbol('s.1') value('s.1') symbol('s.')
=== edges bits
say c2x(bitand('ff0f'x, 'f0'x)) c2x(bitand('ff0f'x, 'f0'x, 'ff'x)) c2x(bitor('00'x, 'f00f'x)) c2x(bitor('00'x, 'f00f'x, 'f0'x))
say c2x(bitxor('ffff'x, '0f'x)) c2x(bitxor('ffff'x, '0f'x, 'ff'x)) '<'bitand('', '')'>' c2x(bitor('', 'aa'x)) c2x(bitxor('aa'x))
=== edges conversions
say c2d('ff'x) c2d('ff'x, 1) c2d('ff'x, 2) c2d('ffff'x, 1) c2d('ff7f'x, 1) c2d('', 1) c2d('8000'x, 2) c2d('00'x)
say d2c(65) c2x(d2c(-1, 2)) c2x(d2c(255, 1)) c2x(d2c(256, 1)) c2x(d2c(-128, 1)) '<'d2c(0, 0)'>' c2x(d2c(0))
say d2x(255) d2x(-1, 4) d2x(0) d2x(16, 4) d2x(-129, 2) '<'d2x(5, 0)'>' x2d('ff') x2d('ff', 2) x2d('f', 1) x2d('00ff', 2) x2d('', 1)
say x2b('1 f0') b2x('10001') x2c('4 41') c2x('a b') x2c('') b2x('') x2b('')
=== edges datatype
list = '12 -5 1.5 1e5 +3 .5 5. . abc ABC aB1 10 01 ff 1e x1 a.b 1+ $x'
do i = 1 to words(list); w = word(list, i)
  line = left(w, 5) datatype(w)
  do j = 1 to 9; line = line datatype(w, substr('ABLMNSUWX', j, 1)); end
  say line; end
say datatype('') datatype('', 'X') datatype('', 'B') datatype('', 'A') datatype(' 12 ') datatype(' 12 ', 'W') datatype('1 2', 'X')
=== edges format trunc
say format(12.3) format(12.3, 5) format(12.3, 5, 3) format(12.3,, 0) format(-12.3, 4) format(0) format(0.5, 2, 0) format(1.5, 2, 0)
say format(12345.67, 2, 3, 2, 0) format(12345.67,,, 3) format(12345.67,,,, 3) format(1.2e20) format(1.2e-20) format(123456789012)
say trunc(12.7) trunc(-12.7) trunc(12.7, 3) trunc(1e5) trunc(1.2e-5, 8) trunc(0.999, 2)
say sign(5) sign(-0.1) sign(0) abs(-5) abs(0.0) max(1, 2, 3) min(-1, -2) max(5) min(1e3, 999)
=== edges strings of nothing
say '<'left('', 0)'>' '<'left('abc', 0)'>' '<'right('', 3, '*')'>' '<'center('', 4, '-')'>' '<'copies('ab', 0)'>' '<'reverse('')'>'
say '<'substr('abc', 4)'>' '<'substr('abc', 10, 2, '.')'>' '<'delstr('abc', 4)'>' '<'delstr('', 1)'>' '<'insert('', 'abc', 5, 2, '-')'>'
say '<'overlay('', 'abc')'>' '<'overlay('x', '', 3, 2, '.')'>' '<'strip('')'>' '<'strip('***', , '*')'>' '<'space('')'>' '<'space(' a  b ', 0)'>'
say '<'subword('a b c', 4)'>' '<'word('a b', 3)'>' wordindex('a b', 3) wordlength('a b', 3) wordpos('', 'a b') wordpos('b', '') words('')
say pos('', 'abc') pos('a', '') lastpos('', 'abc') lastpos('c', 'abc', 2) verify('', 'abc') verify('abc', '') verify('abc', 'abc', 'M', 4)
say '<'translate('')'>' translate('abc', '', 'b') translate('abc', 'x', 'abc', '.') '<'xrange('b', 'a')'>'length(xrange()) compare('', '  ')
=== edges words
say delword('one two  three four', 2, 2)'|' delword('one two', 5)'|' delword('  one two', 1, 1)'|' delword('a b c', 2)'|'
say subword('  one two  three  ', 2)'|' subword('a b c', 2, 1)'|' subword('a b c', 1, 0)'|' space('a  b c', 2, '-')
say wordpos('two  three', 'one two three two three') wordpos('two', 'one two two', 3) wordpos('a b', 'a  b') find('a b c', 'b c')
say justify('one two three', 21) justify('one', 0)'|' justify('  a  b ', 4) justify('one', 5, '*') justify('', 3, '*')
=== edges justify
say justify('one two three', 20) justify('one two three', 9, '*') justify('The blue sky', 9, '+') justify('The blue sky', 10) justify('a b c d', 12, '.')
=== edges find
say find('a  b c', 'b  c') find('a b', '') find('', 'a') find('a b a b', 'a b', 2) wordpos('b  c', 'a  b c')
=== edges time conversions
say time('H', '12:34:56', 'N') time('M', '12:34:56', 'N') time('S', '12:34:56', 'N') time('C', '00:05:00', 'N') time('C', '12:05:00', 'N') time('C', '23:59:59', 'N')
say time('N', '45296', 'S') time('N', '754', 'M') time('N', '12:34pm', 'C') time('N', '12:34am', 'C') time('N', '1:02pm', 'C')
say time('L', '12:34:56.123456', 'L') time('N', '12:34:56.123456', 'L') datatype(time('E'), 'N') datatype(time('R'), 'N') length(time('L')) length(time())
=== edges format exponents
say format(0.00001234, , 3, 2, 2) format(0.00001234, , 3, , 0) format(1234567890, , 2, 3, 2)
=== edges first day
say date('N', 0, 'B') date('S', 0, 'B')
=== edges templates for one string
parse value 'a b' with x, y
say x'|'y'|'
push 'q w'; pull a, c; say a'|'c'|'
