{
    'name': 'konta: behind the load balancer',
    'summary': 'Trusts the host that the visitor asked for; finds a pooled tenant by it',
    'version': '1.0',
    'category': 'Hidden',
    'author': 'konta',
    'license': 'LGPL-3',
    'depends': ['base'],
    'installable': True,
}
