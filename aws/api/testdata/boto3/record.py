"""Records the requests of this directory: python3 record.py, with boto3 1.43.11.

The credential is the one that aws/iam makes of the bytes 0 to 39. After that,
`go test ./aws/api -run Recorded -update` writes the answers: read them.
"""
import base64,socket,threading,os
import boto3,botocore
from botocore.config import Config
raw=bytes(range(40))
KEY="AKIA"+base64.b32encode(raw[:10]).decode(); SECRET=base64.b64encode(raw[10:40]).decode()
out = os.path.dirname(os.path.abspath(__file__))
srv=socket.create_server(('127.0.0.1',0)); port=srv.getsockname()[1]
got=[]
def loop():
    while True:
        c,_=srv.accept()
        data=b''
        while b'\r\n\r\n' not in data: data+=c.recv(65536)
        head,_,body=data.partition(b'\r\n\r\n')
        n=0
        for l in head.split(b'\r\n'):
            if l.lower().startswith(b'content-length:'): n=int(l.split(b':')[1])
        if b'100-continue' in head.lower(): c.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        while len(body)<n: body+=c.recv(65536)
        got.append(head+b'\r\n\r\n'+body)
        c.sendall(b'HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'); c.close()
threading.Thread(target=loop,daemon=True).start()
def client(s):
    return boto3.client(s,region_name='us-east-1',endpoint_url=f'http://127.0.0.1:{port}',aws_access_key_id=KEY,aws_secret_access_key=SECRET,config=Config(user_agent='Boto3',retries={'max_attempts':0}))
k,sts,ec2=client('kafka'),client('sts'),client('ec2')
arn='arn:aws:kafka:us-east-1:000000000000:cluster/orders/11111111-2222-3333-4444-555555555555-1'
def save(name,f):
    got.clear()
    try: f()
    except Exception: pass
    open(f'{out}/{name}.request','wb').write(got[0])
save('kafka-list-clusters-v2',lambda:k.list_clusters_v2(ClusterNameFilter='a b+c/é~*',MaxResults=10))
save('kafka-describe-cluster',lambda:k.describe_cluster(ClusterArn=arn))
save('kafka-create-cluster',lambda:k.create_cluster(ClusterName='orders',KafkaVersion='3.9.x',NumberOfBrokerNodes=3,BrokerNodeGroupInfo={'InstanceType':'kafka.m5.large','ClientSubnets':['subnet-none']}))
save('kafka-untag-resource',lambda:k.untag_resource(ResourceArn=arn,TagKeys=['b','a','a b']))
save('kafka-reboot-broker',lambda:k.reboot_broker(ClusterArn=arn,BrokerIds=['1']))
save('sts-get-caller-identity',lambda:sts.get_caller_identity())
save('ec2-describe-vpcs',lambda:ec2.describe_vpcs(Filters=[{'Name':'isDefault','Values':['true']}]))
save('ec2-describe-subnets',lambda:ec2.describe_subnets(Filters=[{'Name':'availability-zone','Values':['us-east-1a','us-east-1?']},{'Name':'default-for-az','Values':['true']}]))
save('ec2-describe-subnets-unknown',lambda:ec2.describe_subnets(SubnetIds=['subnet-0123456789abcdef0']))
save('ec2-describe-subnets-tagged',lambda:ec2.describe_subnets(Filters=[{'Name':'tag:Name','Values':['x']}]))
save('ec2-describe-security-groups',lambda:ec2.describe_security_groups(GroupNames=['default']))
save('ec2-describe-availability-zones',lambda:ec2.describe_availability_zones(ZoneNames=['us-east-1b']))
from urllib.parse import urlsplit
def presign(name,c,op,params):
    u=urlsplit(c.generate_presigned_url(op,Params=params,ExpiresIn=60,HttpMethod='GET'))
    open(f'{out}/{name}.request','wb').write(f'GET {u.path or "/"}?{u.query} HTTP/1.1\r\nHost: {u.netloc}\r\n\r\n'.encode())
presign('sts-presigned',sts,'get_caller_identity',{})
presign('kafka-presigned',k,'list_clusters_v2',{'ClusterNameFilter':'a b'})
presign('ec2-presigned',ec2,'describe_vpcs',{})
