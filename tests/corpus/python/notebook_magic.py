%matplotlib inline
!pip install numpy
def handler(event, context):
    ?help
    return 1
