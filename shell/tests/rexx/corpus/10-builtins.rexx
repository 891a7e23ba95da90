=== bif abbrev 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['abbrev('Print','Pri')']'
 when n=2 then say n '['abbrev('PRINT','PRO')']'
 when n=3 then say n '['abbrev('PRINT','PRI',4)']'
 when n=4 then say n '['abbrev('PRINT','')']'
 when n=5 then say n '['abbrev('','',1)']'
 when n=6 then say n '['abbrev('INFORMATION','INFO',0)']'
 when n=7 then say n '['abbrev('x','x',-1)']'
 when n=8 then say n '['abbrev('x')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif abs 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['abs('-12.3')']'
 when n=2 then say n '['abs(0)']'
 when n=3 then say n '['abs(' - 307 ')']'
 when n=4 then say n '['abs('1E3')']'
 when n=5 then say n '['abs('x')']'
 when n=6 then say n '['abs('-1234567891')']'
 when n=7 then say n '['abs('')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif center 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['center('abc',7)']'
 when n=2 then say n '['center('ABC',8,'-')']'
 when n=3 then say n '['center('The blue sky',8)']'
 when n=4 then say n '['center('The blue sky',7)']'
 when n=5 then say n '['center('',3,'x')']'
 when n=6 then say n '['center('abc',0)']'
 when n=7 then say n '['center('abc',-1)']'
 when n=8 then say n '['center('abc',5,'xx')']'
 when n=9 then say n '['center('abc')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif centre 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['centre('abc',9,'*')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif changestr 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['changestr('1','101100','')']'
 when n=2 then say n '['changestr('12','101100','3')']'
 when n=3 then say n '['changestr('ab','abababc','x')']'
 when n=4 then say n '['changestr('','abc','x')']'
 when n=5 then say n '['changestr('a','','x')']'
 when n=6 then say n '['changestr('a','aaa','aa')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif compare 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['compare('abc','abc')']'
 when n=2 then say n '['compare('abc','ak')']'
 when n=3 then say n '['compare('ab ','ab')']'
 when n=4 then say n '['compare('ab ','ab',' ')']'
 when n=5 then say n '['compare('ab ','ab','x')']'
 when n=6 then say n '['compare('ab-- ','ab','-')']'
 when n=7 then say n '['compare('','')']'
 when n=8 then say n '['compare('abc')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif copies 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['copies('abc',3)']'
 when n=2 then say n '['copies('abc',0)']'
 when n=3 then say n '['copies('',5)']'
 when n=4 then say n '['copies('a',-1)']'
 when n=5 then say n '['copies('a','x')']'
 when n=6 then say n '['copies('a',1.0)']'
 when n=7 then say n '['copies('ab',2.5)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif countstr 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['countstr('1','101101')']'
 when n=2 then say n '['countstr('','abc')']'
 when n=3 then say n '['countstr('aa','aaaaa')']'
 when n=4 then say n '['countstr('x','')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif datatype 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['datatype(' 12 ')']'
 when n=2 then say n '['datatype('')']'
 when n=3 then say n '['datatype('123*')']'
 when n=4 then say n '['datatype('12.3','N')']'
 when n=5 then say n '['datatype('12.3','W')']'
 when n=6 then say n '['datatype('Fred','M')']'
 when n=7 then say n '['datatype('','M')']'
 when n=8 then say n '['datatype('Minx','L')']'
 when n=9 then say n '['datatype('3d?','s')']'
 when n=10 then say n '['datatype('BCd3','X')']'
 when n=11 then say n '['datatype('BC d3','X')']'
 when n=12 then say n '['datatype('','X')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif datatype 2
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['datatype('10 0101','B')']'
 when n=2 then say n '['datatype('1010 0101','B')']'
 when n=3 then say n '['datatype('','B')']'
 when n=4 then say n '['datatype('a','Q')']'
 when n=5 then say n '['datatype('12','')']'
 when n=6 then say n '['datatype('1e3','W')']'
 when n=7 then say n '['datatype('1e20','W')']'
 when n=8 then say n '['datatype('0.0','W')']'
 when n=9 then say n '['datatype('abc','U')']'
 when n=10 then say n '['datatype('ABC','U')']'
 when n=11 then say n '['datatype('a.b','S')']'
 when n=12 then say n '['datatype('','S')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif datatype 3
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['datatype('','N')']'
 when n=2 then say n '['datatype('1.50','w')']'
 when n=3 then say n '['datatype('123456789012','W')']'
 when n=4 then say n '['datatype(' 1','X')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif delstr 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['delstr('abcd',3)']'
 when n=2 then say n '['delstr('abcde',3,2)']'
 when n=3 then say n '['delstr('abcde',6)']'
 when n=4 then say n '['delstr('abcde',1)']'
 when n=5 then say n '['delstr('abc',0)']'
 when n=6 then say n '['delstr('abc',2,0)']'
 when n=7 then say n '['delstr('abc',2,-1)']'
 when n=8 then say n '['delstr('',1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif delword 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['delword('Now is the  time',2,2)']'
 when n=2 then say n '['delword('Now is the time ',3)']'
 when n=3 then say n '['delword('Now is the  time',5)']'
 when n=4 then say n '['delword('Now is   the time',3,1)']'
 when n=5 then say n '['delword('a b',0)']'
 when n=6 then say n '['delword('',1)']'
 when n=7 then say n '['delword(' a b c ',1,1)']'
 when n=8 then say n '['delword(' a b c ',2)']'
 when n=9 then say n '['delword('a b c',2,0)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif digits 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['digits()']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif fuzz 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['fuzz()']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif form 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['form()']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif errortext 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['errortext(16)']'
 when n=2 then say n '['errortext(60)']'
 when n=3 then say n '['errortext(0)']'
 when n=4 then say n '['errortext(3)']'
 when n=5 then say n '['errortext(7)']'
 when n=6 then say n '['errortext(41)']'
 when n=7 then say n '['errortext('x')']'
 when n=8 then say n '['errortext(-1)']'
 when n=9 then say n '['errortext(100)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif find 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['find('now is the time','is the')']'
 when n=2 then say n '['find('now is the time','is  the')']'
 when n=3 then say n '['find('now is the time','is time')']'
 when n=4 then say n '['find('a b c','c')']'
 when n=5 then say n '['find('','')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif format 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['format('3',4)']'
 when n=2 then say n '['format('1.73',4,0)']'
 when n=3 then say n '['format('1.73',4,3)']'
 when n=4 then say n '['format('-.76',4,1)']'
 when n=5 then say n '['format('3.03',4)']'
 when n=6 then say n '['format(' - 12.73',,4)']'
 when n=7 then say n '['format(' - 12.73')']'
 when n=8 then say n '['format('0.000')']'
 when n=9 then say n '['format('12345.73',,,2,2)']'
 when n=10 then say n '['format('12345.73',,3,,0)']'
 when n=11 then say n '['format('1.234573',,3,,0)']'
 when n=12 then say n '['format('12345.73',,,3,6)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif format 2
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['format('1234567e5',,3,0)']'
 when n=2 then say n '['format('1.2345',3,2)']'
 when n=3 then say n '['format('x')']'
 when n=4 then say n '['format('12345',2)']'
 when n=5 then say n '['format('0.5',0)']'
 when n=6 then say n '['format(1e10)']'
 when n=7 then say n '['format('123.456',,0)']'
 when n=8 then say n '['format('99.99',,1)']'
 when n=9 then say n '['format('9.999',,2)']'
 when n=10 then say n '['format('-9.999',3,2)']'
 when n=11 then say n '['format('1E-10')']'
 when n=12 then say n '['format('1E-10',,3)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif format 3
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['format('12345.73',,,1,2)']'
 when n=2 then say n '['format('1.2',,,,0)']'
 when n=3 then say n '['format(0,,2)']'
 when n=4 then say n '['format(0,3,2)']'
 when n=5 then say n '['format('123456789.5')']'
 when n=6 then say n '['format('123456789.5',,2)']'
 when n=7 then say n '['format('.00001')']'
 when n=8 then say n '['format('0.0000012345',,,2,3)']'
 when n=9 then say n '['format('1',,,,)']'
 when n=10 then say n '['format(3,,,0)']'
 when n=11 then say n '['format('12.34',5,3,2,1)']'
 when n=12 then say n '['format('12.34',5,3,2,0)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif format 4
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['format('1.5',,,2,0)']'
 when n=2 then say n '['format(100,,,1,2)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif index 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['index('abcdef','cd')']'
 when n=2 then say n '['index('abcdef','xd')']'
 when n=3 then say n '['index('abcdef','bc',3)']'
 when n=4 then say n '['index('abcabc','bc',3)']'
 when n=5 then say n '['index('','')']'
 when n=6 then say n '['index('abc','')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif insert 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['insert(' ','abcdef',3)']'
 when n=2 then say n '['insert('123','abc',5,6)']'
 when n=3 then say n '['insert('123','abc',5,6,'+')']'
 when n=4 then say n '['insert('123','abc')']'
 when n=5 then say n '['insert('123','abc',,5,'-')']'
 when n=6 then say n '['insert('','abc',2)']'
 when n=7 then say n '['insert('123','abc',0,0)']'
 when n=8 then say n '['insert('1','abc',-1)']'
 when n=9 then say n '['insert('1','abc',,,'xx')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif justify 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['justify('The blue sky',14)']'
 when n=2 then say n '['justify('The blue sky',8)']'
 when n=3 then say n '['justify('The blue sky',9)']'
 when n=4 then say n '['justify('The blue sky',9,'+')']'
 when n=5 then say n '['justify('',4)']'
 when n=6 then say n '['justify('a',5)']'
 when n=7 then say n '['justify('a b',6)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif lastpos 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['lastpos(' ','abc def ghi')']'
 when n=2 then say n '['lastpos(' ','abcdefghi')']'
 when n=3 then say n '['lastpos(' ','abc def ghi',7)']'
 when n=4 then say n '['lastpos('a','aaa')']'
 when n=5 then say n '['lastpos('','abc')']'
 when n=6 then say n '['lastpos('abc','ab')']'
 when n=7 then say n '['lastpos('a','abca',3)']'
 when n=8 then say n '['lastpos('a','abca',0)']'
 when n=9 then say n '['lastpos('bc','abc',10)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif left 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['left('abc d',8)']'
 when n=2 then say n '['left('abc d',8,'.')']'
 when n=3 then say n '['left('abc  def',7)']'
 when n=4 then say n '['left('',3)']'
 when n=5 then say n '['left('abc',0)']'
 when n=6 then say n '['left('abc',-2)']'
 when n=7 then say n '['left('abc',3,'')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif length 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['length('abcdefgh')']'
 when n=2 then say n '['length('abc defg')']'
 when n=3 then say n '['length('')']'
 when n=4 then say n '['length()']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif max 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['max(12,6,7,9)']'
 when n=2 then say n '['max(17.3,19,17.03)']'
 when n=3 then say n '['max('-7','-3','-4.3')']'
 when n=4 then say n '['max(1,2,'x')']'
 when n=5 then say n '['max('1.0','1')']'
 when n=6 then say n '['max(5)']'
 when n=7 then say n '['max(,1)']'
 when n=8 then say n '['max('1E2',99)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif min 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['min(12,6,7,9)']'
 when n=2 then say n '['min(17.3,19,17.03)']'
 when n=3 then say n '['min('-7','-3','-4.3')']'
 when n=4 then say n '['min(21,20,19,18,17,16,15,14,13,12,11,10)']'
 when n=5 then say n '['min(1,,2)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif overlay 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['overlay(' ','abcdef',3)']'
 when n=2 then say n '['overlay('.','abcdef',3,2)']'
 when n=3 then say n '['overlay('qq','abcd')']'
 when n=4 then say n '['overlay('qq','abcd',4)']'
 when n=5 then say n '['overlay('123','abc',5,6,'+')']'
 when n=6 then say n '['overlay('','abc',2,2,'-')']'
 when n=7 then say n '['overlay('123','',0)']'
 when n=8 then say n '['overlay('12','abc',,1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif pos 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['pos('day','Saturday')']'
 when n=2 then say n '['pos('x','abc def ghi')']'
 when n=3 then say n '['pos(' ','abc def ghi')']'
 when n=4 then say n '['pos(' ','abc def ghi',5)']'
 when n=5 then say n '['pos('','abc')']'
 when n=6 then say n '['pos('abc','')']'
 when n=7 then say n '['pos('a','aaa',3)']'
 when n=8 then say n '['pos('a','aaa',4)']'
 when n=9 then say n '['pos('a','aaa',0)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif reverse 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['reverse('ABc.')']'
 when n=2 then say n '['reverse('XYZ ')']'
 when n=3 then say n '['reverse('')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif right 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['right('abc  d',8)']'
 when n=2 then say n '['right('abc def',5)']'
 when n=3 then say n '['right('12',5,'0')']'
 when n=4 then say n '['right('',3)']'
 when n=5 then say n '['right('abc',0)']'
 when n=6 then say n '['right('abc',2,'xy')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif sign 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['sign('12.3')']'
 when n=2 then say n '['sign(' -0.307')']'
 when n=3 then say n '['sign(0.0)']'
 when n=4 then say n '['sign('x')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif space 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['space('abc  def  ')']'
 when n=2 then say n '['space('  abc def',3)']'
 when n=3 then say n '['space('abc  def  ',1)']'
 when n=4 then say n '['space('abc  def  ',0)']'
 when n=5 then say n '['space('abc  def  ',2,'+')']'
 when n=6 then say n '['space('')']'
 when n=7 then say n '['space('a',5)']'
 when n=8 then say n '['space('a b',-1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif strip 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['strip('  ab c  ')']'
 when n=2 then say n '['strip('  ab c  ','L')']'
 when n=3 then say n '['strip('  ab c  ','t')']'
 when n=4 then say n '['strip('12.7000',,0)']'
 when n=5 then say n '['strip('0012.700',,0)']'
 when n=6 then say n '['strip('aa',,'a')']'
 when n=7 then say n '['strip('','B')']'
 when n=8 then say n '['strip('x','Q')']'
 when n=9 then say n '['strip('x','B','yy')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif substr 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['substr('abc',2)']'
 when n=2 then say n '['substr('abc',2,4)']'
 when n=3 then say n '['substr('abc',2,6,'.')']'
 when n=4 then say n '['substr('abc',4)']'
 when n=5 then say n '['substr('abc',5,2)']'
 when n=6 then say n '['substr('abc',0)']'
 when n=7 then say n '['substr('abc',1,-1)']'
 when n=8 then say n '['substr('abc',1,0)']'
 when n=9 then say n '['substr('',1,2,'*')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif subword 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['subword('Now is the  time',2,2)']'
 when n=2 then say n '['subword('Now is the  time',3)']'
 when n=3 then say n '['subword('Now is the  time',5)']'
 when n=4 then say n '['subword('a b c',1,0)']'
 when n=5 then say n '['subword(' a  b ',1)']'
 when n=6 then say n '['subword('a b',2,9)']'
 when n=7 then say n '['subword('',1)']'
 when n=8 then say n '['subword('a b',0)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif translate 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['translate('abcdef')']'
 when n=2 then say n '['translate('abcdef','12','ec')']'
 when n=3 then say n '['translate('abcdef','12','abcd','.')']'
 when n=4 then say n '['translate('4123','abcd','1234')']'
 when n=5 then say n '['translate('abbc','&','b')']'
 when n=6 then say n '['translate('abc',,,'x')']'
 when n=7 then say n '['translate('abc','','ab')']'
 when n=8 then say n '['translate('abc',,'b')']'
 when n=9 then say n '['translate('abc','xyz')']'
 when n=10 then say n '['translate('aa','12','aa')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif trunc 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['trunc(12.3)']'
 when n=2 then say n '['trunc(127.09782,3)']'
 when n=3 then say n '['trunc(127.1,3)']'
 when n=4 then say n '['trunc(127,2)']'
 when n=5 then say n '['trunc('-0.5')']'
 when n=6 then say n '['trunc('-1.999',1)']'
 when n=7 then say n '['trunc(1e10)']'
 when n=8 then say n '['trunc('1E-5',3)']'
 when n=9 then say n '['trunc('x')']'
 when n=10 then say n '['trunc(0,2)']'
 when n=11 then say n '['trunc('123456789.99')']'
 when n=12 then say n '['trunc('1234567891',1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif trunc 2
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['trunc(12.3,-1)']'
 when n=2 then say n '['trunc('.5')']'
 when n=3 then say n '['trunc('-.04',1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif verify 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['verify('123','1234567890')']'
 when n=2 then say n '['verify('1Z3','1234567890')']'
 when n=3 then say n '['verify('AB4T','1234567890')']'
 when n=4 then say n '['verify('AB4T','1234567890','M')']'
 when n=5 then say n '['verify('1P3Q4','1234567890',,3)']'
 when n=6 then say n '['verify('ABCDE','',,3)']'
 when n=7 then say n '['verify('AB3CD5','1234567890','M',4)']'
 when n=8 then say n '['verify('','abc')']'
 when n=9 then say n '['verify('abc','')']'
 when n=10 then say n '['verify('abc','abc','N',2)']'
 when n=11 then say n '['verify('abc','x','Q')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif word 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['word('Now is the time',3)']'
 when n=2 then say n '['word('Now is the time',5)']'
 when n=3 then say n '['word('',1)']'
 when n=4 then say n '['word('a',0)']'
 when n=5 then say n '['word(' a ',1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif wordindex 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['wordindex('Now is the time',3)']'
 when n=2 then say n '['wordindex('Now is the time',6)']'
 when n=3 then say n '['wordindex(' a',1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif wordlength 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['wordlength('Now is the time',2)']'
 when n=2 then say n '['wordlength('Now comes the time',2)']'
 when n=3 then say n '['wordlength('Now is the time',6)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif wordpos 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['wordpos('the','now is the time')']'
 when n=2 then say n '['wordpos('The','now is the time')']'
 when n=3 then say n '['wordpos('is the','now is the time')']'
 when n=4 then say n '['wordpos('is   the','now is the time')']'
 when n=5 then say n '['wordpos('is   time ','now is   the time')']'
 when n=6 then say n '['wordpos('be','To be or not to be')']'
 when n=7 then say n '['wordpos('be','To be or not to be',3)']'
 when n=8 then say n '['wordpos('','a b')']'
 when n=9 then say n '['wordpos('a','')']'
 when n=10 then say n '['wordpos('a','a b a',4)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif words 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['words('Now is the time')']'
 when n=2 then say n '['words(' ')']'
 when n=3 then say n '['words('')']'
 when n=4 then say n '['words(' a ')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif b2x 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['b2x('11000011')']'
 when n=2 then say n '['b2x('10111')']'
 when n=3 then say n '['b2x('101')']'
 when n=4 then say n '['b2x('1 1111 0000')']'
 when n=5 then say n '['b2x('')']'
 when n=6 then say n '['b2x('12')']'
 when n=7 then say n '['b2x('1 11')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif x2b 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['x2b('C3')']'
 when n=2 then say n '['x2b('7')']'
 when n=3 then say n '['x2b('1 C1')']'
 when n=4 then say n '['x2b('')']'
 when n=5 then say n '['x2b('g')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif c2x 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2x('72s')']'
 when n=2 then say n '['c2x('0123'X)']'
 when n=3 then say n '['c2x('')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif x2c 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2x(x2c('F7F2 A2'))']'
 when n=2 then say n '['c2x(x2c('F'))']'
 when n=3 then say n '['c2x(x2c(''))']'
 when n=4 then say n '['c2x(x2c('zz'))']'
 when n=5 then say n '['c2x(x2c('4 8 4'))']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif c2d 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2d('09'X)']'
 when n=2 then say n '['c2d('81'X)']'
 when n=3 then say n '['c2d('FF81'X)']'
 when n=4 then say n '['c2d('')']'
 when n=5 then say n '['c2d('a')']'
 when n=6 then say n '['c2d('81'X,1)']'
 when n=7 then say n '['c2d('81'X,2)']'
 when n=8 then say n '['c2d('FF81'X,1)']'
 when n=9 then say n '['c2d('F081'X,2)']'
 when n=10 then say n '['c2d('F081'X,0)']'
 when n=11 then say n '['c2d('0031'X,0)']'
 when n=12 then say n '['c2d('FFFFFFFFFF'X)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif c2d 2
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2d('FF81'X,3)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif x2d 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['x2d('0E')']'
 when n=2 then say n '['x2d('81')']'
 when n=3 then say n '['x2d('F81')']'
 when n=4 then say n '['x2d('FF81')']'
 when n=5 then say n '['x2d('c6 f0'X)']'
 when n=6 then say n '['x2d('F0')']'
 when n=7 then say n '['x2d('81',2)']'
 when n=8 then say n '['x2d('81',4)']'
 when n=9 then say n '['x2d('F081',4)']'
 when n=10 then say n '['x2d('F081',3)']'
 when n=11 then say n '['x2d('F081',2)']'
 when n=12 then say n '['x2d('F081',1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif x2d 2
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['x2d('0031',0)']'
 when n=2 then say n '['x2d('')']'
 when n=3 then say n '['x2d('FFFFFFFFF')']'
 when n=4 then say n '['x2d('g')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif d2x 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['d2x(9)']'
 when n=2 then say n '['d2x(129)']'
 when n=3 then say n '['d2x(129,1)']'
 when n=4 then say n '['d2x(129,2)']'
 when n=5 then say n '['d2x(129,4)']'
 when n=6 then say n '['d2x(257,2)']'
 when n=7 then say n '['d2x('-127',2)']'
 when n=8 then say n '['d2x('-127',4)']'
 when n=9 then say n '['d2x(12,0)']'
 when n=10 then say n '['d2x('-1')']'
 when n=11 then say n '['d2x(1.5)']'
 when n=12 then say n '['d2x(0)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif d2x 2
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['d2x(0,3)']'
 when n=2 then say n '['d2x('x')']'
 when n=3 then say n '['d2x('1e3')']'
 when n=4 then say n '['d2x(255)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif d2c 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2x(d2c(65))']'
 when n=2 then say n '['c2x(d2c(97))']'
 when n=3 then say n '['c2x(d2c('-1',1))']'
 when n=4 then say n '['c2x(d2c('-1'))']'
 when n=5 then say n '['c2x(d2c(97,2))']'
 when n=6 then say n '['c2x(d2c(0))']'
 when n=7 then say n '['c2x(d2c(0,2))']'
 when n=8 then say n '['c2x(d2c(256,1))']'
 when n=9 then say n '['c2x(d2c(1.5))']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif bitand 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2x(bitand('12'x))']'
 when n=2 then say n '['c2x(bitand('73'x,'27'x))']'
 when n=3 then say n '['c2x(bitand('13'x,'5555'x))']'
 when n=4 then say n '['c2x(bitand('13'x,'5555'x,'74'x))']'
 when n=5 then say n '['c2x(bitand('pQrS',,'DF'x))']'
 when n=6 then say n '['c2x(bitand('',''))']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif bitor 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2x(bitor('12'x))']'
 when n=2 then say n '['c2x(bitor('15'x,'24'x))']'
 when n=3 then say n '['c2x(bitor('15'x,'2456'x))']'
 when n=4 then say n '['c2x(bitor('15'x,'2456'x,'F0'x))']'
 when n=5 then say n '['c2x(bitor('1111'x,,'4D'x))']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif bitxor 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2x(bitxor('12'x))']'
 when n=2 then say n '['c2x(bitxor('12'x,'22'x))']'
 when n=3 then say n '['c2x(bitxor('1211'x,'22'x))']'
 when n=4 then say n '['c2x(bitxor('1111'x,'444444'x))']'
 when n=5 then say n '['c2x(bitxor('1111'x,'444444'x,'40'x))']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif xrange 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['c2x(xrange('a','f'))']'
 when n=2 then say n '['c2x(xrange('03'x,'07'x))']'
 when n=3 then say n '['c2x(xrange('FE'x,'02'x))']'
 when n=4 then say n '['c2x(xrange('i','j'))']'
 when n=5 then say n '['c2x(xrange('z','z'))']'
 when n=6 then say n '['c2x(xrange('ab','c'))']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif symbol 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['symbol('J')']'
 when n=2 then say n '['symbol('ABC.3')']'
 when n=3 then say n '['symbol('3')']'
 when n=4 then say n '['symbol('*')']'
 when n=5 then say n '['symbol('')']'
 when n=6 then say n '['symbol('1E+5')']'
 when n=7 then say n '['symbol('A.B.C')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif sourceline 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['sourceline(1)']'
 when n=2 then say n '['sourceline()']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif arg 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['arg()']'
 when n=2 then say n '['arg(1)']'
 when n=3 then say n '['arg(1,'E')']'
 when n=4 then say n '['arg(1,'O')']'
 when n=5 then say n '['arg(0)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif value 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['value('FRED')']'
 when n=2 then say n '['value('3')']'
 when n=3 then say n '['value('A.1')']'
 when n=4 then say n '['value('*')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif trace 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['trace()']'
 when n=2 then say n '['trace('x')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif queued 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['queued()']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif address 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['address(1)']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif condition 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['condition()']'
 when n=2 then say n '['condition('C')']'
 when n=3 then say n '['condition('Q')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif random 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['random(5,5)']'
 when n=2 then say n '['random(1,0)']'
 when n=3 then say n '['random(0,100001)']'
 when n=4 then say n '['random('x')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif date 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['date('Q')']'
 when n=2 then say n '['date('B','20260101','S')']'
 when n=3 then say n '['date('S','1 Jan 2026','N')']'
 when n=4 then say n '['date('W','20240229','S')']'
 when n=5 then say n '['date('D','20241231','S')']'
 when n=6 then say n '['date('M','01/02/26','E')']'
 when n=7 then say n '['date('U','26/01/02','O')']'
 when n=8 then say n '['date('S','99999999','S')']'
 when n=9 then say n '['date('N','20000230','S')']'
 when n=10 then say n '['date('S','738000','B')']'
 when n=11 then say n '['date('E','20260711','S')']'
 when n=12 then say n '['date('O','12/31/25','U')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
=== bif time 1
signal on syntax name bad; n=0
next: n=n+1
select
 when n=1 then say n '['time('Q')']'
 when n=2 then say n '['time('S','01:02:03','N')']'
 when n=3 then say n '['time('C','13:05:06','N')']'
 when n=4 then say n '['time('M','1:05pm','C')']'
 when n=5 then say n '['time('N','3723','S')']'
 when n=6 then say n '['time('H','23:59:59','N')']'
 when n=7 then say n '['time('L','10:11:12','N')']'
 when n=8 then say n '['time('C','00:30:00','N')']'
 when n=9 then say n '['time('C','12:00:00','N')']'
 when n=10 then say n '['time('N','99:00:00','N')']'
 otherwise exit
end
signal next
bad: say n 'error' rc
signal on syntax name bad
signal next
