{
    'name': 'konta: routing by host',
    'summary': 'Gives Odoo the host that the visitor asked for, and routes each host of a pool to its database',
    'version': '1.0',
    'category': 'Hidden',
    'author': 'konta',
    'license': 'LGPL-3',
    'depends': ['base'],
    'installable': True,
}
