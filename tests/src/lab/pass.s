.section xdp,"ax"
.globl pass
.type pass,@function
pass:
 r0 = 2
 exit
.Lend:
.size pass, .Lend-pass
.section license,"aw"
.globl LICENSE
.type LICENSE,@object
LICENSE:
.asciz "Dual MIT/GPL"
.size LICENSE, 13
