# Copied beside this program: unittest
import unittest
from unittest import mock

class T(unittest.TestCase):

    def setUp(self):
        self.x = helper()

    def test_a(self):
        self.assertEqual(self.x, 1)

    def test_b(self):
        with self.assertRaises(ValueError):
            raise ValueError

def helper():
    return 1
unittest.TextTestRunner(stream=open('/dev/null', 'w')).run(unittest.defaultTestLoader.loadTestsFromTestCase(T))
m = mock.Mock()
m.a(1)
m.a.assert_called_once_with(1)
