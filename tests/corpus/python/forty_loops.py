def handler(event, context):
    for i0 in range(event['n0']):
        for i1 in range(event['n1']):
            for i2 in range(event['n2']):
                for i3 in range(event['n3']):
                    for i4 in range(event['n4']):
                        for i5 in range(event['n5']):
                            for i6 in range(event['n6']):
                                for i7 in range(event['n7']):
                                    for i8 in range(event['n8']):
                                        for i9 in range(event['n9']):
                                            for i10 in range(event['n10']):
                                                for i11 in range(event['n11']):
                                                    for i12 in range(event['n12']):
                                                        for i13 in range(event['n13']):
                                                            for i14 in range(event['n14']):
                                                                for i15 in range(event['n15']):
                                                                    for i16 in range(event['n16']):
                                                                        for i17 in range(event['n17']):
                                                                            alloc(i0 * i17)
def loops40(event, context):
 while f0():
  while f1():
   while f2():
    while f3():
     while f4():
      while f5():
       while f6():
        while f7():
         while f8():
          while f9():
           while f10():
            while f11():
             while f12():
              while f13():
               while f14():
                while f15():
                 while f16():
                  while f17():
                   while f18():
                    while f19():
                     while f20():
                      while f21():
                       while f22():
                        while f23():
                         while f24():
                          while f25():
                           while f26():
                            while f27():
                             while f28():
                              while f29():
                               while f30():
                                while f31():
                                 while f32():
                                  while f33():
                                   while f34():
                                    while f35():
                                     while f36():
                                      while f37():
                                       while f38():
                                        while f39():
                                         alloc()
