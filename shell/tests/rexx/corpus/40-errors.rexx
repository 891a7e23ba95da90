=== error 6 quote
say 'a
=== error 6 comment
say 1
/* open
=== error 7 no when
select
 say 1
end
=== error 7 none true
x=3
select
 when x=1 then say 1
 when x=2 then say 2
end
=== error 8 then
then say 1
=== error 8 else
say 1
else say 2
=== error 9 when
when 1 then say 1
=== error 9 otherwise
otherwise say 1
=== error 10 end
say 1
end
=== error 10 then end
do; if 1 then
end
=== error 13
x = 1 ? 2 {
=== error 14 do
do i=1 to 3
say i
=== error 14 select
select
when 1 then say 1
=== error 14 then
if 1 then
=== error 14 else
if 0 then nop
else
=== error 15 hex
say 'xg'x
=== error 15 binary
say '012'b
=== error 16
signal nowhere
=== error 16 value
x='nowhere'; signal value x
=== error 17
procedure
=== error 17 later
call s
exit
s: nop
procedure
=== error 18 if
if 1 say 2
=== error 18 when
select; when 1 say 2; end
=== error 21
x = 1; nop foo
=== error 21 leave
do forever; leave; end; exit 1 ; select foo; end
=== error 24
trace q
=== error 25 numeric
numeric foo
=== error 25 signal on
signal on foo
=== error 26 do
do 'x'; end
=== error 26 do for
do i=1 for -1; end
=== error 26 digits
numeric digits 'a'
=== error 26 fuzz
numeric fuzz -1
=== error 26 power
say 2**1.5
=== error 27
do i=1 to 2 to 3; end
=== error 28 leave
leave
=== error 28 iterate
iterate
=== error 28 name
do i=1 to 2; leave j; end
=== error 31 number
1x = 5
=== error 31 period
.x = 5
=== error 33 digits
numeric digits 5; numeric fuzz 5
=== error 34 if
if 2 then say 1
=== error 34 while
do while 'x'; end
=== error 34 until
do until 'x'; end
=== error 34 when
select; when 5 then nop; end
=== error 34 operator
say 'a' & 1
=== error 34 operator right
say 1 | 2
=== error 34 not
say \5
=== error 35 operator
say 1 + * 2
=== error 35 end
x = 1 +
=== error 36
say (1+2
=== error 37 comma
say 1,2
=== error 37 close
say 1)
=== error 38
parse value 1 2
=== error 40 few
say left('a')
=== error 40 many
say length('a','b')
=== error 41 left
say 'a'+1
=== error 41 right
say 1+'a'
=== error 41 prefix
say -'a'
=== error 41 to
do i=1 to 'x'; end
=== error 41 by
do i=1 by 'x'; end
=== error 41 start
do i='x' to 2; end
=== error 42 zero
say 1/0
=== error 42 zero integer
say 1%0
=== error 42 overflow
say 1e999999999*10
=== error 42 underflow
say 1e-999999999/10
=== error 44
say f()
exit
f: return
=== error traceback
call a
exit
a: call b 5
return
b: arg n
 do i=1 to n
  x = i / 0
 end
return
=== error in function
x = 1 + f(2)
exit
f: procedure
 return arg(1) + 'x'
=== error in interpret
interpret 'x = 1/0'
=== error in interpret syntax
interpret 'say (1'
=== error interpret label
interpret 'a: say 1'
=== signal on syntax chain
n=0
signal on syntax name s1
say 1/0
s1: say 's1' rc; signal on syntax name s2
x='a'+1
s2: say 's2' rc; signal on syntax name s3
call nothing.
s3: say 's3' rc
=== error end name
do i=1 to 2; say i; end j
=== error end select name
select; when 1 then nop; end x
=== error simple end name
do; nop; end x
=== error signal missing trap label
signal on syntax name nolabel
say 1/0
=== error substr
say substr('abc',0)
=== error call number
call 5
=== error parse column
parse value 'a' with x =y
=== error do while until
do while 1 until 0; end
=== error drop number
drop 5
=== error expose
call s; exit
s: procedure exposed x; return
=== error address long
address 'averyveryverylongenvironmentname'
=== error 19 call
call ,
=== error arithmetic compare
say (1 < 'a') ('b' > 1)
=== error signal into loop
signal in
do i=1 to 3
in: say 'in'
end
