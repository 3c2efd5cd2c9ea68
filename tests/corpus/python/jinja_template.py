def {{ name }}(event, context):
    {% if x %}return 1{% endif %}
