# Copied beside this program: email
import email, email.policy
from email.message import EmailMessage
from email.mime.text import MIMEText
from email.mime.multipart import MIMEMultipart
m = EmailMessage()
m['Subject'] = 'hé'
m['To'] = 'a@b.c'
m.set_content('x')
m.add_attachment(b'z', maintype='a', subtype='b', filename='f')
print(m.as_string())
q = email.message_from_string(m.as_string())
print([p.get_content_type() for p in q.walk()])
k = MIMEMultipart()
k.attach(MIMEText('t', 'plain'))
print(k.as_bytes())
