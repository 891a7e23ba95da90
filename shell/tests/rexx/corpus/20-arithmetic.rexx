=== arithmetic digits 1 scientific
numeric digits 1; numeric form scientific
signal on syntax
call op '.60','0.83016613'
call op '91390996030824628194','19'
call op '181','-7.8'
call op '54323','757491186'
call op '76','-8e-20'
call op '711471049','-650'
call op '1703423.66','84.268'
call op '632','3.0'
call op '02.6','89'
call op '7','66617'
call op '-13','.901'
call op '.5','-624595711e-5'
call op '-15.','280385280841'
call op '525388853','33633875004743957551'
call op '3537.9','-511637265167'
call op '2','2e1'
call op '52882','182633043483.'
call op '62.0579868','072902227.'
call op '5.','3E-0'
call op '017598983','-87.8384837'
call op '5.1361','2.'
call op '73.','-232.68'
call op '515','-7065.8'
call op '1','1e-0'
call op '6.4','-975140261'
call op '141931417058e-9','3124023.44834'
call op '504','-88387371.6786'
call op '53','65'
call op '1','620'
call op '84934','47'
call op '-.853','0.5'
call op '338014126','4.'
call op '82.9657249','868288909310'
call op '.167','37407188.1'
call op '41433','76174'
call op '319254499207','-137484777183'
call op '04718e-5','19E+20'
call op '29.8','-77'
call op '-7.','-6.5'
call op '055.','-04e-0'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 2 scientific
numeric digits 2; numeric form scientific
signal on syntax
call op '-91564041042346853560.','831067924e+9'
call op '544.44','.86122'
call op '78375762833125815354','-6.'
call op '-64','49528'
call op '-31436676402067970168','13E+9'
call op '-718002.39042486111489','900847453783830.64003'
call op '4','370'
call op '56304.','-3.4337'
call op '197','76.'
call op '60E+9','026751125328'
call op '-655','1.'
call op '-.8','46107358735570.636060'
call op '4','-554590454'
call op '-9103177646.7272042935','91.836236107885261149'
call op '723.26','81e-3'
call op '4.37','-.49'
call op '3.88','701073750431'
call op '-931582.79401995305520','-30565294.1307'
call op '.6','-264644604956'
call op '5366.3062611695722008','19958'
call op '.282','342075.09619239693729'
call op '.265123308','6'
call op '-46493665787200977379','76112565178800215810'
call op '201913274231e3','472487394.'
call op '032.','-562'
call op '057889.148','659'
call op '-1732904844950032.4966','73E+0'
call op '185','.492359722'
call op '-11246','8e20'
call op '732000806','.1'
call op '26','-869284140780'
call op '717231430154','86844318024.3'
call op '536593687780E-20','369'
call op '.20','52.'
call op '01.','5.38161333'
call op '-1471213455640544.0559','060681570E0'
call op '60','00571727958492433721.'
call op '-815516616053','-.826372899'
call op '278527749','38344.'
call op '35.','5.3'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 3 scientific
numeric digits 3; numeric form scientific
signal on syntax
call op '-13e+1','43114'
call op '00663e-0','-6036996.39321'
call op '16362467.7096','25067104832385197837'
call op '-5856732681950.4466001','594134683673'
call op '137832567482753.46462','-45345776915246019528'
call op '0','449192327523e1'
call op '-184373817E0','27780772737289025797'
call op '-56612.','0'
call op '-5187720362.51','883465.64804457658485'
call op '5','-.291'
call op '89064','79.'
call op '969291307','2'
call op '-0','-48e-1'
call op '-.6','-1'
call op '71069','276811732060E20'
call op '13127049372052148774E0','916449279.055'
call op '-221526767495','-959.029496'
call op '-93.740','9.0'
call op '-92487581887633490673','-6'
call op '-513698485','33'
call op '-45995682307.515712590','1'
call op '.97993446179924053261','771.'
call op '-4','-186272533204'
call op '.004870125','997'
call op '-.546','73'
call op '7E+1','52716.0175'
call op '-525302782724','04'
call op '247','-1280.3'
call op '4','43316e-1'
call op '207','-70.'
call op '0.6349','323911974'
call op '-39430186.0','7106724329502599.0587'
call op '356904177808.','13.'
call op '.480','340997837151E+3'
call op '841116289','97e+0'
call op '-.99806','-56.'
call op '80582536051821563803','-70009'
call op '-480914180e+0','21.0'
call op '-271824694','-8.'
call op '-363857849','035'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 3 engineering
numeric digits 3; numeric form engineering
signal on syntax
call op '-69605.2358','.40'
call op '570867518','265523994817e20'
call op '61E-9','9264.9'
call op '745.45','-50767'
call op '269.','5593536000497484.8968'
call op '-75095','-183165868923e-5'
call op '581255514','45.8628483836'
call op '159060048','19003E-9'
call op '8.82936912288','8.7'
call op '00952354204191537960','9.0709'
call op '9.2','74694713693646703122e-1'
call op '-685E-9','116583.637453'
call op '.5','-3'
call op '28773255366934783372','795836983E+20'
call op '46.092406123531185843','-42.'
call op '72.420','560736512414'
call op '-060926342608','93'
call op '469501409','-10'
call op '-1.66','675'
call op '780368273084','38430255613422773308'
call op '542299351862','763140573'
call op '-43.1','-57e3'
call op '-.0','71594176738505149431E0'
call op '24528214956255352854','9.'
call op '67249E+20','6.1077'
call op '0','86241086517022640795E-0'
call op '6826.9','5'
call op '965724580','-7129589.65839'
call op '23.','4138.4738738918991617'
call op '-181768239712','6'
call op '-.0','2619.39152550'
call op '85709.5158','-3.45370971071'
call op '-.462948470','87001E20'
call op '72763981558342990325','765505975'
call op '-902.24','5.99'
call op '-1.36915432','-583e20'
call op '-5578533522.30','94291'
call op '49.8','192495756E-3'
call op '80.2','-06'
call op '4.81330290','520348050'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 4 scientific
numeric digits 4; numeric form scientific
signal on syntax
call op '076952060195796470.05','6e+0'
call op '-8.1','982995394'
call op '4','784588424087'
call op '52361092108838249522','-28053773567350101650E5'
call op '-30404e+1','-6447392742441507325.9'
call op '3.','-72624012024285127616'
call op '650933002893','0'
call op '-111e+9','82.'
call op '-8','5'
call op '-14E+3','-.3'
call op '405','84856.'
call op '-586.62','20398496331190068578e-9'
call op '-785986365168','518394475897'
call op '1.8','53.'
call op '-7.20565616246','8847146.4717728202578'
call op '6.40','9'
call op '4.54347187','-495076504669453692.93'
call op '-.51','-670199.776'
call op '-7.','033680.48567113190171'
call op '-35708692602553802848','448.68'
call op '-36.6','-3.'
call op '-925537805081','-50437433997673302610E+9'
call op '8273438.22381','0.'
call op '762','02e-1'
call op '-824458323605','-3.81'
call op '-65.','513881.47507137449981'
call op '39409910532402557735','.4'
call op '8','670008916'
call op '-95152','.5'
call op '-42411E+1','-1573.29808'
call op '683E+20','0'
call op '-93312E-0','149119333.'
call op '3','0'
call op '245179205660','82'
call op '23335107078519130561','927'
call op '24407','68498'
call op '1e+1','379066566'
call op '596404.790176','.58'
call op '-7904.5142768313062645','-964.'
call op '932680021E-9','188.'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 5 scientific
numeric digits 5; numeric form scientific
signal on syntax
call op '-618e-3','6807.75001867'
call op '970572042399E-1','348'
call op '-16754','7085.23802'
call op '-409465244739','14565e-3'
call op '7862502.48','614656841470'
call op '945954318196','-221.'
call op '56675522886423516180','663942233'
call op '0.64','694199849334'
call op '1508115.30','48079'
call op '0','7'
call op '5.89','34980320846514191668'
call op '-058541792679','3162431.80'
call op '343840901536','848529554102'
call op '-.7','5.7'
call op '57218948635403486626E+0','86001703.9'
call op '987e1','6.11'
call op '971907263','792179613306'
call op '30313007063308964027','1'
call op '.298518601','8'
call op '810894760','2'
call op '31361','851131154e-3'
call op '530110193','.99310'
call op '260294742445','2.'
call op '795430680538e-0','18210565518172380836E1'
call op '4.','97.'
call op '4635401349.92','641118015128'
call op '-847214466271','-3063.1355490311294420'
call op '6.','30140425.5'
call op '4.55','32460333653740016534'
call op '11787','72367'
call op '-4.','801'
call op '-39961068.0382','-7.'
call op '-21751E-20','-774280807083.'
call op '-52','052'
call op '7173.04723','.16'
call op '-731.','739337347435'
call op '-609','02'
call op '778862438','22.829'
call op '21.976','24610610414226186489'
call op '89588','-496243658'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 7 scientific
numeric digits 7; numeric form scientific
signal on syntax
call op '0','-50'
call op '-275361386623','675'
call op '341082696179e-9','6527026514.83'
call op '35442197903098684010','.02'
call op '-30011.1327518','-74501424119.0'
call op '558723980266403417.11','773.917962039'
call op '34868','.0'
call op '43.7932344','-54658.'
call op '-514.058322','18.8'
call op '-411196671','375765875'
call op '7.1420821790415681261','281.15289623266551378'
call op '6.73294763237','-04.'
call op '-295525360039','49005354545956641306.'
call op '02','-856'
call op '38','.05252808757735531115'
call op '-.9','-76'
call op '49755','591998177603'
call op '-51.9079960','84e+1'
call op '-3','626163545827E1'
call op '-82208195003808387283E+20','29494'
call op '701052384','39'
call op '91e9','6807071.1862572385633'
call op '964e+20','-39'
call op '267.','-783'
call op '82','61615655.6279'
call op '-75866942802565993.528','120'
call op '-.77458','-57154699940561580454'
call op '-601330.224330','1.28812630766'
call op '-29240102100521721239e1','65664737022225078.907'
call op '0.9568','827262088E-5'
call op '665799256','90.'
call op '-84.9529874170','649860192'
call op '-9.','-41751074314453888694e3'
call op '-710240982563','-7'
call op '-.0','145922128452'
call op '73e-0','-4168973.16'
call op '-637783428185','-77e-9'
call op '-95.251','79e-5'
call op '-053','-75.9'
call op '382539344391e+1','8131.41390'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 9 scientific
numeric digits 9; numeric form scientific
signal on syntax
call op '4e20','982'
call op '31','985e-20'
call op '-61482650006.986255825','22'
call op '12489918767.800362303','79665703078309231415'
call op '6.','-32246'
call op '8e+9','-20480501838623364713'
call op '-.61','45.5345306661'
call op '3416874.31','197'
call op '62029.','11530394525642772021'
call op '32411613020514958979','375.255889'
call op '-2806.69208','75873886844.6'
call op '-53754','-5336450480.5560698435'
call op '27153470.256746252225','-35020663258114786940e-1'
call op '515520933099','.3'
call op '95109589187133746503','-3.6359'
call op '-844777006','-2.97862147'
call op '01','-50e-9'
call op '585.218871548','599e-0'
call op '158e+3','-260'
call op '.2','643'
call op '25006','607e+9'
call op '24.','2.85488279'
call op '3.89','59257782011990982412'
call op '37178.3235','.511'
call op '2','413.'
call op '800','-1.87'
call op '-67334','83246031375785870956'
call op '-6.2826','-33e0'
call op '174699356044.','922416766'
call op '62','366e+0'
call op '32798378710370918634','92'
call op '.7','.248'
call op '03331441472404735361','-5E-20'
call op '35','686.34'
call op '87698742663083793881','00472'
call op '46','26'
call op '06.7','120'
call op '4.','11'
call op '052','-6.11874776'
call op '35766e+9','-327'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 9 engineering
numeric digits 9; numeric form engineering
signal on syntax
call op '529','.43'
call op '0.','-971E+5'
call op '-06527100283118398124','350918649'
call op '6E20','474296047954'
call op '8118.75351588','6.8'
call op '67e1','280142549367E20'
call op '127860366635.84696863','58701318254775495282E+1'
call op '51822','54414360636707601364'
call op '7.','-3'
call op '.5','-097826287'
call op '31.','596349508581'
call op '44.6877779519','.232375357702'
call op '7','6.8163'
call op '54','08050'
call op '33500','-67751969506469178861'
call op '176890.197409','-073597614990'
call op '96.','89.297'
call op '4E+3','-3E1'
call op '3895.9','13786527284508470120e20'
call op '-1.26','9'
call op '82713E-1','41278522562.974498229'
call op '0134045.14782','.22310'
call op '37','7.1065'
call op '-57852','-44.136'
call op '7469117197647.4613828','65618E-20'
call op '245774979.','-.806'
call op '-75360763113463659765','.4'
call op '65962398865465770798','20541337478681012316'
call op '45128563101750645734E-1','52968'
call op '.483','.95'
call op '65473934358795610909','-573689370735'
call op '-442793487923','-1.'
call op '-92E-20','-92144864.748540353536'
call op '-440842351.55182641977','05694827752349133303'
call op '-87','033e5'
call op '01.4','821892624'
call op '-717','-50'
call op '38E5','15213855161804677.454'
call op '1.3','11'
call op '092087794406','-.4'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 10 scientific
numeric digits 10; numeric form scientific
signal on syntax
call op '332094276506e0','7E-20'
call op '22862','44131e3'
call op '888283201535310.62017','364328977205'
call op '51371158898204907969','-6163.8'
call op '-64','170516772.'
call op '.90','-750E1'
call op '-.776132515972','7'
call op '92190663819375395179','515901469'
call op '-071','48'
call op '449.472447','.72'
call op '46.762','428536422578'
call op '25','062'
call op '-3E-9','4.4'
call op '-09190029481963378570','165841395444913019.65'
call op '432','-842918203e9'
call op '.697205105209','182.'
call op '45.2272762246','.65'
call op '-1889.1','-55'
call op '.1','-45024E-3'
call op '77054581505865889574','41360084882688123127E+0'
call op '26.','9674035.48'
call op '.97','850788205765'
call op '701711965347E-9','-489857361e+9'
call op '-633333506','-8.'
call op '-86949277746017952807E+3','-150955691'
call op '5.42209178538','.84548'
call op '851e3','4.'
call op '03887195.1','.2'
call op '-77328485746989310889E+5','94630.'
call op '-224792009','6.'
call op '.7','13'
call op '-15657.2672','81'
call op '87113','-21967762967274819825'
call op '33768.7682335','.7'
call op '706190863082','-653'
call op '84','-3'
call op '80040910686750972902','59487'
call op '011.','17114061883631590869'
call op '-.012332556','87'
call op '-035637340','369611114'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 12 scientific
numeric digits 12; numeric form scientific
signal on syntax
call op '.1','.98'
call op '34525','74'
call op '-43837499985082113202','-45.6370435'
call op '52.0','031773721878'
call op '98.','681039411'
call op '3','64346916346616822242E20'
call op '33','7.'
call op '131980019991E-1','-569'
call op '-28043329673673176644','-707'
call op '.7','177'
call op '-7.7','-569270815'
call op '5.5679022353656297998','35028991456746853483'
call op '78','-16841E+3'
call op '-17542','2397923747016438941.4'
call op '23298972702.3','.057'
call op '2412.3','21575e+1'
call op '-.09711','-31E+0'
call op '6.','8'
call op '7','-51511615034980551739'
call op '20.','00124943115389029396'
call op '1','-.1'
call op '6.8657093197056796962','-702084589'
call op '14142','-36735542453419.900459'
call op '65','791138404977'
call op '70854','60553'
call op '875321605','.9'
call op '092.051182','-14765229501189719952'
call op '03211e-5','8.2'
call op '-4379464.83224','-4'
call op '-411E-1','9.67389217244'
call op '77268056048152734712','448340655819e-5'
call op '10512','-4.30509549831'
call op '8.17354093','366495858530E-0'
call op '870E20','8822525.38'
call op '251573478','-519.25'
call op '378784872E+9','60062.'
call op '248617665e3','-28e+20'
call op '5246358814.76','-79.'
call op '661417252925','32e+20'
call op '41176987157511161545','3E+20'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 15 scientific
numeric digits 15; numeric form scientific
signal on syntax
call op '.726','-49.4'
call op '-287431469.','401328501278'
call op '.84','20818751875.6'
call op '88069504.2690','.2'
call op '02391','206703713'
call op '9','7'
call op '916.94','-8.98'
call op '1','0.7997646893003791821'
call op '56.','-818672621718'
call op '.9','925737272359'
call op '76e-5','76'
call op '-70354842311352182048','3.78'
call op '-80.9187489298','2.18604788084'
call op '718','72'
call op '-58023100234.013551872','81271'
call op '223513359','-59.515485369942340284'
call op '781.824947','5044801.87'
call op '897127244','0143.0'
call op '-5928.6','347254189'
call op '-7','-57E+3'
call op '04','24865878501104611383'
call op '81019353257922137108','-242558909.868'
call op '6.51','981495511749e-5'
call op '744421803','-8'
call op '713E0','.92185'
call op '.9','-39416170153209162473'
call op '69','839.978844'
call op '06823','907870800'
call op '465453747345','246'
call op '-52796755766852520035e+20','633505403443'
call op '0','4.'
call op '99E+20','.31'
call op '32','14212216941084500182E-3'
call op '1220974280340757.0295','877038763560'
call op '37382183167297151092e-20','992299923'
call op '9474614005.8146118918','2.3'
call op '266016001','14e1'
call op '36','.50921'
call op '6','-54097464.8'
call op '1621.6','60603393093245101159'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 17 scientific
numeric digits 17; numeric form scientific
signal on syntax
call op '00355E+0','862953425'
call op '-79131e+5','97730'
call op '06e-5','85682895375695083297'
call op '-6.2','-4.39335089'
call op '056','52'
call op '57163','7'
call op '-687115892906E-5','45e3'
call op '4e+1','-30763217369921421702'
call op '3.47','007129260.043'
call op '-55145180893095321947','-1474.55986'
call op '55','330E3'
call op '-.5','46828e+0'
call op '167022038482','07079E-20'
call op '326121546','08305'
call op '5','-564052876446'
call op '25381','4.'
call op '4','50135'
call op '7.2','-.824'
call op '84650','072797751'
call op '-50','474190.592'
call op '28749.','-0E+5'
call op '-63','162792042220'
call op '-014','19.4'
call op '653369774273.16465528','45020.4740'
call op '571297826757','759366016569'
call op '481935.607','82397785776732306999.'
call op '.357914304','-6.7'
call op '-35645526302188842673','87205942.0'
call op '953.','1896860869965.3692092'
call op '-27343410144582741515','-240697120'
call op '4','66'
call op '.5','-887'
call op '46985556631537341993E5','-3.73845467377'
call op '48790386747449037518','-7.'
call op '9e+9','1.4780890337211891399'
call op '.63','-8.5'
call op '-8','0026272185911.2729815'
call op '-26041043822435316815','6.8'
call op '-.129','-6158416817.0623161481'
call op '60269859500402428152','-467987047.'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 18 scientific
numeric digits 18; numeric form scientific
signal on syntax
call op '-880306125260e0','9'
call op '01537122478618562512','87'
call op '036128338869.','93560'
call op '601974677','-65352145588835909272'
call op '9E-5','410515655'
call op '42259.','-7181965.69'
call op '92903245915475946223e1','-0.'
call op '-817502852192','-193.65'
call op '-.884','190669677191E-3'
call op '.6','63'
call op '-09e+3','92457'
call op '64820259036780512214','836350531.'
call op '-75993','.787'
call op '-14726','76615'
call op '77770306.7488','-87002219.4'
call op '-47271061304057511919','-7'
call op '17413534661021365408e-20','539'
call op '52785e20','74582965.3'
call op '339692210463e-9','-06506698.405359762076'
call op '-496','-0.7'
call op '-010','7e5'
call op '-43','1.64'
call op '447209079861','577'
call op '-170026.672878','229.08418052862136717'
call op '553241973371','-123019124860'
call op '-83490781756024868272','44633463448657355427'
call op '-883486316','287'
call op '-643286872e-0','5'
call op '58699','25e-3'
call op '-7873018298078.6536658','80585'
call op '367988193','44980038.9344'
call op '61','561.459226934'
call op '.8','33'
call op '-8E3','8.5'
call op '77','0.'
call op '-646773.201554','2.1'
call op '63303268853038976022','-86'
call op '257509.054','6.2025'
call op '7.20286665','34402.624438088813644'
call op '56279411864736159937','91801.6628794'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 19 scientific
numeric digits 19; numeric form scientific
signal on syntax
call op '-11999','-462971698'
call op '9.','38069329525883606239'
call op '3.0','-696549995474'
call op '7.0','85800105.4'
call op '-671471009785','-142936.795'
call op '54','219e-3'
call op '740497854','.152143965358'
call op '2','75'
call op '-377.20','.61'
call op '835.50','-394589.629'
call op '-563','.55381'
call op '-.444','78896087889512321140'
call op '9','7490.64918'
call op '350','-4e+5'
call op '375133508499','-3e-9'
call op '.2','908990.440'
call op '763514788197','93457.'
call op '-426','47.'
call op '330027086.091','-89597452.896515436063'
call op '3.','-6'
call op '-50028','.3'
call op '6935125.44','-01E0'
call op '-35656887.8','4.85'
call op '-11.','58277882535254323691E1'
call op '-11379083687492853106','27530379191553664546'
call op '-89149478779942481488','-30464056.0620'
call op '4E3','32.'
call op '87531915162137373696','7.3'
call op '1.9','-69665'
call op '32e-1','-12898'
call op '-9.','.7'
call op '-296756885.577','10764'
call op '887796330.','675'
call op '50469670288456451.511','-.081'
call op '93216','-354'
call op '4.4','92897592006280155590'
call op '.71763','604342447'
call op '-76480156208240213149e3','-539'
call op '0368.43870','-.9'
call op '58486','52974'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 20 scientific
numeric digits 20; numeric form scientific
signal on syntax
call op '43701','6E+9'
call op '-699.69218592263800119','-19994716.1369'
call op '-342965027334','.50'
call op '442693336.326','62'
call op '48.','9e-5'
call op '01023929792055114288E-5','-784723791'
call op '45837','67366320.362640592527'
call op '5','81'
call op '784','831086692.'
call op '2','2.5413'
call op '-73915151127527851007','623172349'
call op '52081878462920900490E+0','-60373542133774165396'
call op '-0861.67039','382980992373.47689532'
call op '42','108'
call op '-450','2.7'
call op '52943613458039408763','-052160340228e+3'
call op '-279.528989241','5'
call op '0547066.63','0'
call op '900','70312928.708235725152'
call op '691','99'
call op '13705994537740399601','-11499825391818694964'
call op '439037143307','100'
call op '513E-0','-3023985.40758'
call op '-622888950484','-785998838e-1'
call op '-16.','82316'
call op '076986347044','341'
call op '10E+9','92702044264304539165'
call op '-9272054.3334425844994','6.75281088'
call op '7.64268670','-037'
call op '-66.120686429816305475','32232446686705.581077'
call op '-77900955427847298290E-3','47717122080961702858'
call op '601284326533E+1','38'
call op '36','2374663.25051'
call op '0.47','68695805222836561923'
call op '-794753402554','9.4'
call op '73232309746164306038','-36'
call op '435772785','-297383395'
call op '67788','-45836'
call op '-.48','9.4'
call op '-691674.543','344079244'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 20 engineering
numeric digits 20; numeric form engineering
signal on syntax
call op '6.','24098'
call op '965415044300','69'
call op '467','-8829.43131853'
call op '-219.531804155','795254017E9'
call op '22E+0','804323127182'
call op '68','-76.'
call op '-4','82257E3'
call op '5','-592831835.800'
call op '-219.','532892811211'
call op '-73.629','-43064417063389668276e-0'
call op '47539','-087703227'
call op '-0','.2'
call op '10.7','-33974e+1'
call op '82700019376918447713','99480'
call op '-70359.7935997','7.24689130575'
call op '-6E1','048265501'
call op '-65213.8543525','-.35437'
call op '407E5','32'
call op '-58','414810729423'
call op '422717692','.325833785'
call op '1','599108795'
call op '-526686387','039.47841167561992562'
call op '260','860e-20'
call op '-839418638375','5.54991041'
call op '451714408','-1.8391'
call op '98657472.9168','2.14502882'
call op '.45','0'
call op '5775020868.10','624738975'
call op '42.','1'
call op '-32688348.3','-69517996890770.353790'
call op '.948','-05482'
call op '-196E-9','867152899e-1'
call op '76443.3158','605813350'
call op '707.','11695333.7'
call op '-3.54','531804158247e-0'
call op '-335299255','-104050388253'
call op '34','.39'
call op '-.681','57282767.673954540136'
call op '933.522070','13.4258085161'
call op '4.25588587','44615E-20'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 25 scientific
numeric digits 25; numeric form scientific
signal on syntax
call op '64807715688985748900','532920233'
call op '05214','-47706795610083233706E5'
call op '-.558682216315','6E9'
call op '62062678020812763184','-2.2'
call op '058.93','-40.673'
call op '212','181115355653'
call op '74','-88595568822513698063'
call op '-763','-95.0'
call op '71086837474609358460','-115038928285'
call op '43189e1','2'
call op '4473.26997','-6069.6'
call op '4','8.'
call op '-8e3','94928'
call op '-.11973','46798001133915272397E20'
call op '094785859','881.86365852403293313'
call op '1.12009090072','5'
call op '1052023.84','81696614885306997621'
call op '72200E+9','-94103832689399432916E+9'
call op '83309','98750'
call op '3','-672249415581'
call op '607293604239','609'
call op '569.65','77e3'
call op '-.245586752263','74763e+1'
call op '-500160776','93'
call op '13804','72354931473849829564'
call op '09449098836047989075E5','027'
call op '2.82','-79216208042317820311'
call op '342739510256','.4'
call op '66804279709903476020e+9','-45552'
call op '813075924','.566977753897'
call op '.18654','392335933'
call op '-.86','-402474536170'
call op '0.1','4.'
call op '0','507211297'
call op '052E-9','.369'
call op '891272054046','0'
call op '90','862110658833'
call op '772464551','89953179682568823702'
call op '855816017','-384871145706.'
call op '-3.97','.7'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 30 scientific
numeric digits 30; numeric form scientific
signal on syntax
call op '.1','-304'
call op '-43','-1.'
call op '93775970138339.514393','4877607294422329.0219'
call op '12256E9','435959672725'
call op '512394813611E9','55'
call op '4E-3','46520'
call op '00547102714.9','444143977696'
call op '245927983','-73250533449030096085E-5'
call op '36','83.'
call op '-2650.42017','.292755529856'
call op '86109.303258524001243','5'
call op '-57036935552978111663','-787E20'
call op '-.49','.5'
call op '755','7.5'
call op '843376218697','1500.27768939'
call op '46819E+1','4.'
call op '-.368','836.411184'
call op '35630','-8451.44606'
call op '-58651','08093.4616'
call op '709949.733','99.638'
call op '-.652','-661e20'
call op '-0.','44279E+9'
call op '-750750072','862690001'
call op '3.66','51'
call op '68415955.541883081028','-53.'
call op '.4','052371228913.12487762'
call op '22564267103871231166','84171278956768368270e+5'
call op '971892512.446','.9'
call op '1','-0'
call op '-60457644168500548769','-.01300352108863367737'
call op '-5.4','-.2'
call op '937.64','69427095214670.297157'
call op '536861427','3.16'
call op '1e-3','-989629383.359'
call op '3125.67030040','.8'
call op '039786.85805941831566','57583e+3'
call op '6.','.6'
call op '5123.7','53'
call op '-350500108577','-2.49'
call op '-.65472','-261938180152E+20'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 50 scientific
numeric digits 50; numeric form scientific
signal on syntax
call op '17e3','783347266699.38195914'
call op '-53e+3','-7'
call op '41.367794132701626423','-837605901'
call op '38244','0.'
call op '450e-20','554'
call op '91579','-67131e-0'
call op '-317804851750.','55'
call op '-.347','3413302.65'
call op '-329742940','-64582e3'
call op '-15904','65741'
call op '0','-.557844162571'
call op '445','62696.6606'
call op '2','022e-5'
call op '096617850','8.7'
call op '74840','89846148428089028956E-20'
call op '.628','-034271186825'
call op '-0E5','49.8'
call op '569782580E+9','-609267313'
call op '-8243025846348.3244404','.56'
call op '35085','-370036588.70871491702'
call op '-.73','-71E-20'
call op '69.0594606686','3'
call op '0.60','78E0'
call op '-3e+3','97'
call op '6887059.8355514499222','9.29358520'
call op '331218125','-80942325344357998545E20'
call op '699','-854600117'
call op '-10106E+5','86153904194532745341'
call op '10364','928'
call op '883.886443','4'
call op '09270','-32'
call op '-045','-465931332075'
call op '.32674','54.'
call op '653595119','-533655398571'
call op '1','-704932901214735858.78'
call op '23159039172214.656977','3.'
call op '-.230','264'
call op '847625271049.','159226055151'
call op '4','0982.3'
call op '-17320368390028333885','-6'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 77 scientific
numeric digits 77; numeric form scientific
signal on syntax
call op '763272468043','36185831669995430003e+0'
call op '05216904589.3','512736350'
call op '218267743E1','.02'
call op '58E-5','-2e-3'
call op '99681849454813496.735','-88'
call op '872','-720362836.55494840574'
call op '9e+5','83988'
call op '7.3009','-86658060301759494613'
call op '-11e+5','41'
call op '-4','9667052.3725290528735'
call op '26725.554939059584512','59127'
call op '-40344','7.9752'
call op '-654.06','23788687.3535'
call op '-91','988785458e9'
call op '-98589917739817756408','658984100'
call op '315','4.5'
call op '71840952928643615285.','544'
call op '885536402235','25.'
call op '-2674.6','497'
call op '.37779906437714914921','48427414151766551609e-5'
call op '.582110999','-036633457360'
call op '8.6','8.46956786910'
call op '-8.','15830'
call op '-098087040e9','4386450.7389277116340'
call op '680382132620','-072'
call op '524878425604.61994433','825994.281'
call op '81.','36.7639827570'
call op '-532074552','.18183'
call op '.283','-02779e-9'
call op '42.','-66144'
call op '.6','-52'
call op '436768657982','0'
call op '642589232.92108085127','362504816043'
call op '-93689.8855','839.976820190'
call op '-40813691739750698960E-5','-171E3'
call op '754678208288','568968540E-0'
call op '-346','74E-1'
call op '12','-0'
call op '587700120969269.40661','-45360'
call op '986498667073e+3','289.'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== arithmetic digits 100 scientific
numeric digits 100; numeric form scientific
signal on syntax
call op '-192209339285','254270631694'
call op '-04','5.20165121'
call op '70232691365881856073','-.961'
call op '4642.0','-46'
call op '-.2','698357927'
call op '-4109741022712378.6835','1.'
call op '-6','87920'
call op '-62329','45301E5'
call op '-32','5.24658148'
call op '561969976769','816'
call op '3048029649.75','.316'
call op '028828516749','-841'
call op '-8','64948586841519484781'
call op '93e+1','815853403E+5'
call op '33198767326993601397e-0','-42232890789195579736'
call op '47929.870525482781343','36400e-3'
call op '906494164633','.30013'
call op '-22','.24103'
call op '297','-317916074'
call op '-.08','64551'
call op '-8503625410652020.7471','9.7'
call op '82.763','763e9'
call op '-044361869','-32394649059999969801E+5'
call op '52.','.175805829'
call op '.5','613359410'
call op '00783.9251','-0.12'
call op '5.','603664907'
call op '810328.262','-08130E1'
call op '36.6810952','562'
call op '3.5','650.915858420'
call op '51','8.'
call op '482092269','5951890720785.0732222'
call op '-1572.0','-59970925942437767077'
call op '49e-9','562371044734e9'
call op '18','094'
call op '95289','61'
call op '-63186','377'
call op '.9','-79.0'
call op '177224563255','-2004.4'
call op '.997113287831','-89.890'
exit
op: parse arg a,b
say a b ':' a+b a-b a*b (a=b) (a>b) (a<b)
if b\=0 then do; q=a/b; if pos('E+',q)=0 then say q; end
if b\=0 & abs(b)>1e-3 & abs(a)<1e9 then do; q=tryint(a,b); if pos('E+',q)=0 then say q; end
return
tryint: procedure expose a b; signal on syntax name sy; return a%b a//b
sy: return 'error' rc
syntax: say 'error' rc; exit
=== power
numeric digits 50
say 2**10 3**20 1.1**5 (-2)**3 (-2)**4 0.5**3 2**-2 2**-10 0**0 5**0 1.20**2 10**3 7.77**3 99**10
=== integer division
say 7%2 -7%2 7%-2 7.5%2 1e5%3 0%5 5%7 7//2 -7//2 7//-2 7.5//2 -7.5//2 5//7 0//3 10.5//0.25
numeric digits 20
say 12345678901234567890%7 12345678901234567890//7
=== fuzz
numeric digits 5
numeric fuzz 1
say (12345=12346) (12345==12346) (12345<12356) (1.0001=1)
numeric fuzz 3
say (12345=12399)
