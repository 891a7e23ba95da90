=== exec mail merge
/* Letters from a form and a list of members */
member.1 = 'Ada Lovelace;12 St James Sq;London;1815'
member.2 = 'Charles Babbage;1 Dorset St;London;1791'
member.3 = '  Grace  Hopper ;;New York;1906'
member.0 = 3
form.1 = 'Dear &first,'
form.2 = 'you, &FULL, live at &street in &city since &year.'
form.3 = '&& is not ours, and &unknown stays.'
form.0 = 3
do m = 1 to member.0
  parse var member.m full ';' street ';' city ';' year .
  full = space(full)
  parse var full first last
  if street = '' then street = 'no street'
  do f = 1 to form.0
    say merge(form.f)
  end
  say copies('-', 20) last
end
exit
merge: procedure expose full first last street city year
  parse arg rest
  done = ''
  do while pos('&', rest) > 0
    parse var rest before '&' rest
    done = done || before
    end_of = verify(rest, xrange('A', 'Z')xrange('a', 'z'))
    if end_of = 0 then end_of = length(rest) + 1
    name = left(rest, end_of - 1)
    if name \== '' & symbol(name) = 'VAR' then do
      done = done || value(name)
      rest = substr(rest, end_of)
    end
    else done = done'&'
  end
  return done || rest
=== exec bubble sort
data = 'pear apple fig Quince banana cherry apple 10 9 2'
a.0 = words(data)
do i = 1 to a.0; a.i = word(data, i); end
do until \swapped
  swapped = 0
  do i = 1 for a.0 - 1
    j = i + 1
    if a.i > a.j then parse value 1 a.i a.j with swapped a.j a.i
  end
end
do i = 1 to a.0; say right(i, 2) a.i; end
=== exec shell sort
call fill 50
gap = x.0 % 2
do while gap > 0
  do i = gap + 1 to x.0
    hold = x.i
    j = i - gap
    do while j > 0
      if x.j <= hold then leave
      k = j + gap
      x.k = x.j
      j = j - gap
    end
    k = j + gap
    x.k = hold
  end
  gap = gap % 2
end
line = ''
do i = 1 to x.0
  line = line x.i
  if length(line) > 60 then do; say line; line = ''; end
end
say line
exit
fill: arg x.0
seed = 12345
do i = 1 to x.0
  seed = (seed * 1103 + 12345) // 65536
  x.i = seed // 1000
end
return
=== exec quick sort
numeric digits 12
s.0 = 20
do i = 1 to s.0; s.i = (i * 7919) // 101 - 50; end
call sort 1, s.0
do i = 1 to s.0; call charout , s.i' '; end
say
say 'calls' calls
exit
sort: procedure expose s. calls
  arg low, high
  if symbol('calls') = 'LIT' then calls = 0
  calls = calls + 1
  if low >= high then return
  middle = (low + high) % 2
  pivot = s.middle
  i = low; j = high
  do while i <= j
    do while s.i < pivot; i = i + 1; end
    do while s.j > pivot; j = j - 1; end
    if i <= j then do
      t = s.i; s.i = s.j; s.j = t
      i = i + 1; j = j - 1
    end
  end
  call sort low, j
  call sort i, high
  return
=== exec heap
h.0 = 0
do n = 1 to words('5 3 17 10 84 19 6 22 9')
  call insert word('5 3 17 10 84 19 6 22 9', n)
end
out = ''
do while h.0 > 0; out = out least(); end
say strip(out)
exit
insert: procedure expose h.
  parse arg value
  at = h.0 + 1
  h.0 = at; h.at = value
  do while at > 1
    up = at % 2
    if h.up <= h.at then leave
    swap = h.up; h.up = h.at; h.at = swap
    at = up
  end
  return
least: procedure expose h.
  first = h.1; last = h.0
  h.1 = h.last; drop h.last; h.0 = last - 1
  at = 1
  do forever
    child = at * 2
    if child > h.0 then leave
    other = child + 1
    if other <= h.0 then if h.other < h.child then child = other
    if h.at <= h.child then leave
    swap = h.child; h.child = h.at; h.at = swap
    at = child
  end
  return first
=== exec hanoi
moves = 0
call hanoi 4, 'A', 'B', 'C'
say moves 'moves'
exit
hanoi: procedure expose moves
  parse arg n, from, to, by
  if n = 0 then return
  call hanoi n - 1, from, by, to
  moves = moves + 1
  say 'disk' n':' from '->' to
  call hanoi n - 1, by, to, from
  return
=== exec ackermann
say ackermann(2, 3) ackermann(1, 10) ackermann(3, 2)
exit
ackermann: procedure
  arg m, n
  if m = 0 then return n + 1
  if n = 0 then return ackermann(m - 1, 1)
  return ackermann(m - 1, ackermann(m, n - 1))
=== exec factorials
numeric digits 100
do n = 0 to 60 by 5; say right(n, 2) factorial(n); end
exit
factorial: procedure
  if arg(1) < 2 then return 1
  return arg(1) * factorial(arg(1) - 1)
=== exec permutations
count = 0
call permute '', 'abcd'
say count
exit
permute: procedure expose count
  parse arg done, left
  if left == '' then do
    count = count + 1
    if count // 5 = 1 then say done
    return
  end
  do i = 1 to length(left)
    call permute done || substr(left, i, 1), delstr(left, i, 1)
  end
  return
=== exec queens
size = 6; solutions = 0
call place 1
say solutions
exit
place: procedure expose size solutions column.
  arg row
  if row > size then do
    solutions = solutions + 1
    line = ''
    do r = 1 to size; line = line column.r; end
    say strip(line)
    return
  end
  do c = 1 to size
    do r = 1 to row - 1
      if column.r = c | abs(column.r - c) = row - r then iterate c
    end
    column.row = c
    call place row + 1
  end
  return
=== exec dates
/* The days people ask EXECs for */
do d = 1 to words(list())
  day = word(list(), d)
  base = date('B', day, 'S')
  say day base date('W', base, 'B') date('N', base, 'B') date('D', base, 'B') date('M', day, 'S') base // 7
end
say 'between' date('B', 20261225, 'S') - date('B', 20260101, 'S')
say 'next month' left(date('S', date('B', 20260131, 'S') + 1, 'B'), 6)
say date('U', '24 Dec 2026') date('E', '24 Dec 2026', 'N') date('O', '20261224', 'S')
exit
list: return '20000229 19991231 20260101 20261126 19700101 18991231 99991231'
=== exec leap years
leap = ''
do year = 1896 to 1912; if leap(year) then leap = leap year; end
say leap '/' leap(2000) leap(1900) leap(2026)
exit
leap: return (arg(1) // 4 = 0 & arg(1) // 100 \= 0) | arg(1) // 400 = 0
=== exec calendar
year = 2026; month = 2
first = date('B', year || right(month, 2, 0)'01', 'S')
say center(date('M', first, 'B') year, 20)
say 'Mo Tu We Th Fr Sa Su'
line = copies('   ', first // 7)
do day = 1 to 31
  now = date('S', first + day - 1, 'B')
  if substr(now, 5, 2) \= month then leave
  line = line || right(day, 2)' '
  if (first + day) // 7 = 0 then do; say strip(line, 'T'); line = ''; end
end
if line \= '' then say strip(line, 'T')
=== exec read modify write
file = 'accounts'
call lineout file, 'smith    100.50'
call lineout file, 'jones     20'
call lineout file, 'brown   -3.25'
call lineout file
n = 0
do while lines(file) > 0
  n = n + 1
  line.n = linein(file)
end
call lineout file
line.0 = n
total = 0
do i = 1 to line.0
  parse var line.i name amount .
  total = total + amount
  line.i = left(name, 10)format(amount * 1.1, 6, 2)
end
say n total
new = 'changed'
do i = line.0 to 1 by -1; call lineout new, line.i; end
call lineout new
do while lines(new); say linein(new); end
=== exec stack
queue 'last'
push 'first'
push 'zero'
say queued()
do i = queued() to 1 by -1
  parse pull line
  say i line
end
say queued()
do i = 1 to 3; push i; end
do i = 4 to 6; queue i; end
out = ''
do while queued() > 0; pull x; out = out x; end
say out
=== exec stack case
queue 'Mixed Case'; queue 'Mixed Case'; queue ' lead and trail '
pull a; parse pull b; parse upper pull c
say a'|' || b || '|'c'|'
queue 'one two  three'; pull first rest; say '<'first'><'rest'>'
push; say queued(); pull x; say '<' || x || '>'
queue; queue ''; say queued(); pull; pull; say queued()
=== exec novalue
signal on novalue
total = 5
say totl + 1
exit
novalue:
say 'line' sigl':' condition('D') 'has no value'
say sourceline(sigl)
say condition('C') condition('I') condition('S')
=== exec novalue again
signal on novalue name unset
do i = 1 to 3
  say attempt(i)
end
exit
attempt: procedure
  arg n
  signal on novalue name unset_here
  if n = 2 then return what.n
  a.n = n
  return 'has' a.n
unset_here:
  return 'none at' sigl condition('D')
unset: say 'never'
=== exec syntax report
signal on syntax
call risk 0
exit
risk: procedure
  arg divisor
  return 10 / divisor
syntax:
  say 'Error' rc 'in line' sigl':' errortext(rc)
  say '  ' strip(sourceline(sigl))
  say condition('C') condition('S')
  exit
=== exec syntax again
do i = 1 to 4
  say i':' try(i)
end
exit
try: procedure
  signal on syntax name failed
  arg which
  select
    when which = 1 then x = 'a' + 1
    when which = 2 then x = substr('abc', 0)
    when which = 3 then x = 2 ** 0.5
    otherwise x = 'fine'
  end
  return x
failed:
  return 'error' rc errortext(rc)
=== exec calculator
queue '1 + 2 * 3'
queue '(1 + 2) * 3'
queue '2 ** 10'
queue '1 / 3'
queue 'left("abc", 2)'
queue '1 / 0'
queue 'end'
do forever
  parse pull line
  if line = 'end' then leave
  say line '=' evaluate(line)
end
exit
evaluate: procedure
  parse arg expression
  signal on syntax name wrong
  interpret 'result =' expression
  return result
wrong: return 'error' rc
=== exec interpret names
do i = 1 to 3
  interpret 'v'i '= i * i; say "v'i' is" v'i
end
say v1 v2 v3
list = 'alpha beta gamma'
do w = 1 to words(list)
  call value word(list, w), w
end
say alpha beta gamma
interpret 'do j = 1 to 2; say "turn" j; end'
interpret 'if alpha = 1 then say "yes"; else say "no"'
interpret "interpret 'say ""deep""'"
=== exec word frequency
text = 'the quick brown fox jumps over the lazy dog and the fox runs'
seen = ''
count. = 0
do i = 1 to words(text)
  w = word(text, i)
  if count.w = 0 then seen = seen w
  count.w = count.w + 1
end
do i = 1 to words(seen)
  w = word(seen, i)
  say left(w, 8) count.w copies('*', count.w)
end
=== exec caesar
alphabet = xrange('A', 'Z')
do shift = 1 to 25 by 8
  key = substr(alphabet, shift + 1)left(alphabet, shift)
  secret = translate('HELLO, WORLD', key, alphabet)
  say shift secret translate(secret, alphabet, key)
end
say translate('abcdef', '123', 'ace', '-') translate('abc') translate('4271', '----', 'x')
say translate('hgfedcba', '20261126', 'abcdefgh')
=== exec roman
do i = 1 to words('1 4 9 14 40 90 400 1994 2026 3999')
  n = word('1 4 9 14 40 90 400 1994 2026 3999', i)
  say n roman(n) arabic(roman(n))
end
exit
roman: procedure
  arg n
  table = '1000 M 900 CM 500 D 400 CD 100 C 90 XC 50 L 40 XL 10 X 9 IX 5 V 4 IV 1 I'
  out = ''
  do while table \= ''
    parse var table value letters table
    do while n >= value; out = out || letters; n = n - value; end
  end
  return out
arabic: procedure
  arg text
  value. = 0
  parse value 1 5 10 50 100 500 1000 with value.i value.v value.x value.l value.c value.d value.m
  total = 0; last = 0
  do k = length(text) to 1 by -1
    now = digit(substr(text, k, 1))
    if now < last then total = total - now; else total = total + now
    last = max(now, last)
  end
  return total
digit: return word('1 5 10 50 100 500 1000', pos(arg(1), 'IVXLCDM'))
=== exec bases
do n = 0 to 1000 by 143
  say n d2x(n) x2b(d2x(n)) strip(x2b(d2x(n)), 'L', 0) b2x(x2b(d2x(n))) x2d(d2x(n)) c2x(d2c(n, 2))
end
say tobase(255, 2) tobase(255, 16) tobase(123456789, 36) frombase('ZZ', 36)
exit
tobase: procedure
  arg n, base
  out = ''
  do until n = 0
    out = substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', n // base + 1, 1)out
    n = n % base
  end
  return out
frombase: procedure
  arg text, base
  n = 0
  do k = 1 to length(text); n = n * base + pos(substr(text, k, 1), '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ') - 1; end
  return n
=== exec sieve
limit = 200
prime. = 1
do p = 2 while p * p <= limit
  if prime.p then do n = p * p to limit by p; prime.n = 0; end
end
line = ''
do p = 2 to limit
  if prime.p then line = line p
end
say line
=== exec roots
do d = 5 to 65 by 20
  numeric digits d
  say d root(2) root(10)
end
exit
root: procedure
  arg n
  numeric digits digits() + 3
  r = n / 2
  do until r = last
    last = r
    r = (r + n / r) / 2
    if abs(r - last) < '1E-'digits() - 2 then leave
  end
  numeric digits digits() - 3
  return r + 0
=== exec constants
numeric digits 60
e = 1; term = 1
do n = 1 until term < 1e-62; term = term / n; e = e + term; end
say e
pi = 4 * (4 * arctan(5) - arctan(239))
say pi
exit
arctan: procedure
  arg inverse
  x = 1 / inverse; sum = x; square = x * x; power = x
  do n = 3 by 2 until abs(power / n) < 1e-62
    power = -power * square
    sum = sum + power / n
  end
  return sum
=== exec gcd and primes
say gcd(1071, 462) gcd(17, 5) gcd(0, 9)
do n = 90 to 100; say n factors(n); end
exit
gcd: procedure; arg a, b; do while b \= 0; parse value b a // b with a b; end; return a
factors: procedure
  arg n
  out = ''
  do d = 2 while d * d <= n
    do while n // d = 0; out = out d; n = n % d; end
  end
  if n > 1 then out = out n
  return strip(out)
=== exec csv
call show 'one,two,three'
call show '"quoted, with comma",plain,"double "" inside"'
call show ',,'
call show 'last,'
exit
show: procedure
  parse arg line
  n = 0
  do until line == ''
    n = n + 1
    if left(line, 1) = '"' then do
      field = ''
      line = substr(line, 2)
      do forever
        parse var line part '"' line
        field = field || part
        if left(line, 1) \= '"' then leave
        field = field'"'
        line = substr(line, 2)
      end
      parse var line ',' line
    end
    else parse var line field ',' line
    say n'<'field'>'
  end
  return
=== exec wrap
text = 'REXX was designed by Mike Cowlishaw at IBM between 1979 and 1982 as a procedural language that is easy to read and to write'
say copies('....+....|', 3)
do while text \= ''
  line = ''
  do while text \= ''
    parse var text word rest
    if length(line word) > 30 & line \= '' then leave
    line = strip(line word)
    text = rest
  end
  say line
end
=== exec boxes
call box 'Title', 'a longer second line', ''
exit
box: procedure
  width = 0
  do i = 1 to arg(); width = max(width, length(arg(i))); end
  say '+'copies('-', width + 2)'+'
  do i = 1 to arg(); say '|' center(arg(i), width) '|'; end
  say '+'copies('-', width + 2)'+'
  return
=== exec hex dump
data = 'The quick'||'00'x||'brown'||'ff0d0a'x'fox jumps'
do at = 1 to length(data) by 8
  part = substr(data, at, min(8, length(data) - at + 1))
  shown = ''
  do k = 1 to length(part)
    c = substr(part, k, 1)
    if c >>= ' ' & c << '7f'x then shown = shown || c; else shown = shown'.'
  end
  say d2x(at - 1, 4) left(c2x(part), 16) shown
end
=== exec linked list
head = 0; free = 0
do i = 1 to 5; call add i * 10; end
call delete 30
call show
exit
add: free = free + 1
  node.free.value = arg(1); node.free.next = head; head = free
  return
delete: procedure expose node. head
  arg wanted
  before = 0; at = head
  do while at \= 0
    if node.at.value = wanted then do
      next = node.at.next
      if before = 0 then head = next; else node.before.next = next
      return
    end
    before = at; at = node.at.next
  end
  return
show: at = head
  do while at \= 0; call charout , node.at.value' '; at = node.at.next; end
  say
  return
=== exec life
row.1 = '.....'; row.2 = '..#..'; row.3 = '..#..'; row.4 = '..#..'; row.5 = '.....'
do generation = 1 to 3
  do y = 1 to 5; say row.y; end
  say
  do y = 1 to 5
    new.y = ''
    do x = 1 to 5
      n = neighbours(x, y)
      alive = substr(row.y, x, 1) = '#'
      new.y = new.y || word('. #', 1 + (n = 3 | alive & n = 2))
    end
  end
  do y = 1 to 5; row.y = new.y; end
end
exit
neighbours: procedure expose row.
  arg x, y
  n = 0
  do dy = -1 to 1
    r = y + dy
    if r < 1 | r > 5 then iterate
    do dx = -1 to 1
      c = x + dx
      if (dx = 0 & dy = 0) | c < 1 | c > 5 then iterate
      if substr(row.r, c, 1) = '#' then n = n + 1
    end
  end
  return n
=== exec matrix
n = 3
do i = 1 to n; do j = 1 to n; a.i.j = i + j; b.i.j = i * j - 1; end; end
do i = 1 to n
  line = ''
  do j = 1 to n
    c.i.j = 0
    do k = 1 to n; c.i.j = c.i.j + a.i.k * b.k.j; end
    line = line right(c.i.j, 5)
  end
  say line
end
=== exec binary search
do i = 1 to 50; t.i = i * 3; end
t.0 = 50
do q = 1 to 4; say word('3 75 76 150', q) search(word('3 75 76 150', q)); end
exit
search: procedure expose t.
  arg wanted
  low = 1; high = t.0
  do while low <= high
    mid = (low + high) % 2
    select
      when t.mid = wanted then return mid
      when t.mid < wanted then low = mid + 1
      otherwise high = mid - 1
    end
  end
  return 0
=== exec expose list
parse value 1 2 3 with a b c
names = 'a b'
call inner
say a b c
exit
inner: procedure expose (names)
  say a b c names
  a = 'A'; b = 'B'; c = 'C'
  call innermost
  return
innermost: procedure expose a
  say a b
  a = a'!'
  return
=== exec call on error
trace off
call on error name problem
problems = 0
'exit 3'
say 'after' rc problems
'exit 0'
say rc problems
call off error
'exit 4'
say rc problems
exit
problem: problems = problems + 1
  say 'command' condition('D') 'gave' rc 'in line' sigl condition('I') condition('S')
  return
=== exec report
call line 'Widgets', 12, 3.5
call line 'Gadgets', 1000, 0.125
call line 'Gizmos', 7, 19.99
say left('Total', 12) format(total, 8, 2)
say format(2 / 3, 3, 4) format(-1.5, 4, 0) format(1e10, , , 3)
say trunc(-1.999, 1) trunc(12.5) format(12.5, , 0) format(13.5, , 0) format(-12.5, , 0)
exit
line: parse arg what, count, price
  amount = count * price
  total = value('total', sum(amount))
  say left(what, 12) format(count, 5) format(price, 5, 3) format(amount, 8, 2)
  return
sum: if symbol('total') = 'LIT' then total = 0
  total = total + arg(1)
  return total
=== exec arguments
call show
call show ,
call show 'a', , 'c'
call show 'a', ''
call show 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
exit
show:
  line = arg()
  do i = 1 to arg(); line = line arg(i, 'E')arg(i, 'O')'['arg(i)']'; end
  say line
  return
=== exec soundex
do i = 1 to 6
  name = word('Robert Rupert Rubin Ashcraft Tymczak Pfister', i)
  say left(name, 10) soundex(name)
end
exit
soundex: procedure
  arg name
  codes = translate(name, '01230120022455012623010202', xrange('A', 'Z'))
  out = left(name, 1); last = left(codes, 1)
  do k = 2 to length(name)
    code = substr(codes, k, 1)
    letter = substr(name, k, 1)
    if code \= 0 & code \= last then out = out || code
    if \(letter = 'H' | letter = 'W') then last = code
  end
  return left(out, 4, 0)
=== exec loops and leaves
do outer = 1 to 3
  do inner = 1 to 3
    if inner = 2 then iterate
    if outer = 2 then leave
    say outer inner
  end inner
  do forever
    if outer = 3 then leave outer
    leave
  end
end outer
say outer inner
do i = 10 to 1 by -3 while i > 2; call charout , i' '; end; say i
do x = 0.1 by 0.1 for 5; call charout , x' '; end; say x
do i = 1 to 0; say 'never'; end; say i
do 3; call charout , '.'; end; say
do i = 1 for 3 until i = 2; say i; end
=== exec signal table
do n = 1 to 3
  call case n
end
exit
case: arg n
  signal value 'case'n
case1: say 'one' sigl; return
case2: say 'two' sigl; return
case3: say 'three' sigl; return
=== exec drop and stems
a. = 'none'
a.1 = 'one'; a.x.y = 'xy'; x = 1
say a.1 a.2 a.x a.x.y a.1.y
drop a.1
say a.1 a.2
a. = 'new'
say a.1 a.x.y
drop a.
say a.1 a.2
i = 'key with blanks'; b.i = 5; say b.i symbol('b.i') symbol('b.j')
c.1.2 = 'first'; j = '1.2'; say c.j
=== exec upper and translate
parse value 'Mixed Case Words' with a b c
upper a b
say a b c translate(c)
s = 'hello world'
out = ''
do while s \= ''
  parse var s w s
  out = out translate(left(w, 1))substr(w, 2)
end
say strip(out)
parse upper value 'abc Def' with x y; say x y
=== exec fuzzy numbers
numeric digits 5; numeric fuzz 1
say (1.2345 = 1.2346) (1.2345 == 1.2346) (100001 = 100002)
numeric fuzz 0
say (1.2345 = 1.2346) 12345678 + 0 1e5 * 1e5 (1e2 = 100) (1e2 == 100)
numeric form engineering
say 12345678 + 0 1.5e-10 * 1 123e20 * 10
say digits() fuzz() form()
=== exec reverse words
say reverse('able was I') reverse('') reverse(12.50)
line = 'one two three four'
back = ''
do while line \= ''; parse var line w line; back = w back; end
say strip(back)
say subword('a b c d e', 2, 3) delword('a b c d e', 2, 3) wordpos('c d', 'a b c d e') wordindex('aa bb cc', 3) wordlength('aa bbb', 2)
say word('a b', 3)'|' words('  spaced   out  ') space('  spaced   out  ', 1, '_') strip('--x--', , '-') strip('  x  ', 'T')'|'
=== exec pull from empty
say 'before' queued()
pull x
say 'got <' || x || '>'
parse pull y
say 'got <'y'>' queued()
=== exec nested selects
do i = 1 to 5
  select
    when i = 1 then say 'one'
    when i = 2 then do
      select
        when 1 = 2 then nop
        otherwise say 'two, inner'
      end
    end
    when i = 3 then if 1 then say 'three'; else say 'not'
    when i // 2 = 0 then
      say 'even'
    otherwise
      say 'other'
      say i
  end
end
=== exec concatenation
a = 'x'; b = 'y'
say a b a || b a||b 'lit'a a'lit' (a)(b) f(b)
exit
f: return '<'arg(1)'>'
