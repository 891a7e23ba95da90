=== trace a
trace a
x=1
say x
=== trace r
trace r
x=1+2
say x
call f x
y=g(2)
drop x
parse value 'a b' with p q
do i=1 to 2; nop; end
exit
f: return
g: procedure
 arg z
 return z*2
=== trace i
trace i
x=1+2*'3'
y.x=x||'a'
say y.x left('abc',2)
z=-x
w=\1
=== trace i loops
trace i
do i=1 to 2
 nop
end
do 2
 x=i
end
do while x<4; x=x+1; end
do until x>4; x=x+1; end
=== trace off
trace a
say 1
trace o
say 2
=== trace l
trace l
signal a
a: say 1
b: say 2
=== trace c
trace c
say 1
x=5
=== trace function
say trace('r')
x=1
say trace('o')
say trace()
=== trace n
trace n
x=1/1
say x
=== trace number
trace 5
say 'x'
=== trace value
x='r'
trace value x
y=2
=== trace interpret
trace r
interpret 'x=5; y=6'
say x
=== trace nested calls
trace r
call a
exit
a: call b
return
b: x = 'deep'
return x
=== trace do group
trace a
do
 say 1
 do
  say 2
 end
end
=== trace parse
trace i
parse value 'one two three' with a . b
parse value '12345' with x 3 y
arg z
